import { parseRouterUrl } from './router-url.ts';
import type { SecureFetchOptions } from './secure-fetch/create-secure-fetch.ts';
import type { SecureFetch } from './secure-fetch/secure-fetch.ts';

/** What an SDK of OpenAI's kind needs to speak to a router. */
export interface SdkConnection {
  /** The router's address with `/v1`, as these SDKs want it. */
  readonly baseURL: string;
  readonly fetch: SecureFetch;
}

/** Options of the adapters: those of `createSecureFetch`, and the API key, which travels inside the ciphertext. */
export interface SdkOptions extends SecureFetchOptions {
  readonly apiKey: string;
}

/**
 * Makes the connection that all adapters share. Errors that are final come as answers: these SDKs take a `fetch` that
 * throws for a broken connection, and send the request again.
 */
export function connectSdk(
  createSecureFetch: (options: SecureFetchOptions) => SecureFetch,
  options: SecureFetchOptions,
): SdkConnection {
  const router = parseRouterUrl(options.routerUrl, options.allowHttp ?? false);
  return { baseURL: router.at('/v1'), fetch: createSecureFetch({ onSecurityError: 'response', ...options }) };
}
