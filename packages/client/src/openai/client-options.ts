import { connectSdk, type SdkConnection, type SdkOptions } from '../sdk-connection.ts';
import type { SecureFetchOptions } from '../secure-fetch/create-secure-fetch.ts';
import type { SecureFetch } from '../secure-fetch/secure-fetch.ts';

/** The part of `ClientOptions` of the `openai` package that leads it to a router. */
export interface SecureOpenAIOptions extends SdkConnection {
  readonly apiKey: string;
}

/** Makes the function that `secureOpenAIOptions` is in one runtime. */
export function openAIOptionsFactory(
  createSecureFetch: (options: SecureFetchOptions) => SecureFetch,
): (options: SdkOptions) => SecureOpenAIOptions {
  return ({ apiKey, ...options }) => ({ ...connectSdk(createSecureFetch, options), apiKey });
}
