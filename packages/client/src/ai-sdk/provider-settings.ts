import { connectSdk, type SdkConnection, type SdkOptions } from '../sdk-connection.ts';
import type { SecureFetchOptions } from '../secure-fetch/create-secure-fetch.ts';
import type { SecureFetch } from '../secure-fetch/secure-fetch.ts';

/** Options of `secureProviderSettings`. */
export interface SecureProviderOptions extends SdkOptions {
  /** How the AI SDK names the provider in its errors and metadata. Default `sotto`. */
  readonly name?: string | undefined;
}

/** The part of `OpenAICompatibleProviderSettings` of `@ai-sdk/openai-compatible` that leads it to a router. */
export interface SecureProviderSettings extends SdkConnection {
  readonly name: string;
  readonly apiKey: string;
}

/** Makes the function that `secureProviderSettings` is in one runtime. */
export function providerSettingsFactory(
  createSecureFetch: (options: SecureFetchOptions) => SecureFetch,
): (options: SecureProviderOptions) => SecureProviderSettings {
  return ({ name = 'sotto', apiKey, ...options }) => ({ ...connectSdk(createSecureFetch, options), name, apiKey });
}
