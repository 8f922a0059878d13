import { chatFieldsFactory } from '../langchain/chat-fields.ts';
import { createSecureFetch } from './create-secure-fetch.ts';

export type { SecureChatFields } from '../langchain/chat-fields.ts';
export type { SdkOptions } from '../sdk-connection.ts';

/**
 * What LangChain's `ChatOpenAI` and `OpenAIEmbeddings` are made with to speak to a router, end-to-end encrypted, with
 * Node's transport and cryptography.
 * @throws ConfigurationError `invalid_option`, SecurityError `insecure_transport`
 *
 * @example
 * const chat = new ChatOpenAI({ model: 'model', ...secureChatFields({ routerUrl, apiKey }) });
 */
export const secureChatFields = chatFieldsFactory(createSecureFetch);
