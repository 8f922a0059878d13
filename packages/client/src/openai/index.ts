import { createSecureFetch } from '../secure-fetch/index.ts';
import { openAIOptionsFactory } from './client-options.ts';

export type { SdkOptions } from '../sdk-connection.ts';
export type { SecureOpenAIOptions } from './client-options.ts';

/**
 * What the official `openai` SDK is made with to speak to a router, end-to-end encrypted.
 * @throws ConfigurationError `invalid_option`, SecurityError `insecure_transport`
 *
 * @example
 * const openai = new OpenAI(secureOpenAIOptions({ routerUrl: 'https://router.example', apiKey: 'your key' }));
 */
export const secureOpenAIOptions = /* @__PURE__ */ openAIOptionsFactory(createSecureFetch);
