import { createSecureFetch } from '../secure-fetch/index.ts';
import { providerSettingsFactory } from './provider-settings.ts';

export type { SecureProviderOptions, SecureProviderSettings } from './provider-settings.ts';

/**
 * What a provider of the Vercel AI SDK is made with to speak to a router, end-to-end encrypted.
 * @throws ConfigurationError `invalid_option`, SecurityError `insecure_transport`
 *
 * @example
 * const sotto = createOpenAICompatible(secureProviderSettings({ routerUrl, apiKey }));
 * const { textStream } = streamText({ model: sotto('model'), prompt: 'Hello' });
 */
export const secureProviderSettings = /* @__PURE__ */ providerSettingsFactory(createSecureFetch);
