import { providerSettingsFactory } from '../ai-sdk/provider-settings.ts';
import { createSecureFetch } from './create-secure-fetch.ts';

export type { SecureProviderOptions, SecureProviderSettings } from '../ai-sdk/provider-settings.ts';

/**
 * What a provider of the Vercel AI SDK is made with to speak to a router, end-to-end encrypted, with Node's transport
 * and cryptography.
 * @throws ConfigurationError `invalid_option`, SecurityError `insecure_transport`
 *
 * @example
 * const sotto = createOpenAICompatible(secureProviderSettings({ routerUrl, apiKey }));
 * const { textStream } = streamText({ model: sotto('model'), prompt: 'Hello' });
 */
export const secureProviderSettings = providerSettingsFactory(createSecureFetch);
