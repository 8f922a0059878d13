import { createSecureFetch } from '../secure-fetch/index.ts';
import { chatFieldsFactory } from './chat-fields.ts';

export type { SdkOptions } from '../sdk-connection.ts';
export type { SecureChatFields } from './chat-fields.ts';

/**
 * What LangChain's `ChatOpenAI` and `OpenAIEmbeddings` are made with to speak to a router, end-to-end encrypted.
 * @throws ConfigurationError `invalid_option`, SecurityError `insecure_transport`
 *
 * @example
 * const chat = new ChatOpenAI({ model: 'model', ...secureChatFields({ routerUrl, apiKey }) });
 */
export const secureChatFields = /* @__PURE__ */ chatFieldsFactory(createSecureFetch);
