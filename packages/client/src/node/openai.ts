import { openAIOptionsFactory } from '../openai/client-options.ts';
import { createSecureFetch } from './create-secure-fetch.ts';

export type { SecureOpenAIOptions } from '../openai/client-options.ts';
export type { SdkOptions } from '../sdk-connection.ts';

/**
 * What the official `openai` SDK is made with to speak to a router, end-to-end encrypted, with Node's transport and
 * cryptography.
 * @throws ConfigurationError `invalid_option`, SecurityError `insecure_transport`
 *
 * @example
 * const openai = new OpenAI(secureOpenAIOptions({ routerUrl: 'https://router.example', apiKey: 'your key' }));
 */
export const secureOpenAIOptions = openAIOptionsFactory(createSecureFetch);
