import type { Fetch } from './fetch-transport.ts';
import type { Logger, LogLevel } from './log.ts';
import type { HeaderOptions } from './outer-headers.ts';
import type { Platform } from './platform.ts';

/**
 * When a request carries the authenticated copy of its headers, by which the router notices a swapped key and the
 * client a forged answer. `auto`: as soon as the router has once said that it understands; `always`: from the
 * first request on, whatever the router says; `never`: as NOMYO's own clients.
 */
export type RequestBinding = 'auto' | 'always' | 'never';

/** Options of {@link SecureChatCompletion} and {@link SecureCompletionClient}. All may be left out. */
export interface ClientOptions {
  /** The router's address. Default: `SOTTO_BASE_URL`, else `https://api.nomyo.ai`. */
  readonly baseURL?: string | undefined;
  /** The same under NOMYO's name. */
  readonly baseUrl?: string | undefined;
  /** Sent as bearer token. Default: `SOTTO_API_KEY`; null sends none. */
  readonly apiKey?: string | null | undefined;
  /**
   * Takes plain http too, for local tests: the API key travels in clear, and anyone on the way can put a key of
   * their own in the place of the router's, unless `pinnedKeys` names that.
   */
  readonly allowHttp?: boolean | undefined;
  /** Zeroes plaintext and key material after use. Default true; docs/secure-memory.md says what that covers. */
  readonly secureMemory?: boolean | undefined;
  /** Directory to keep the client's key pair in. Default: the pair lives as long as the client. */
  readonly keyDir?: string | null | undefined;
  /** Password of the private key in `keyDir`. Default: `SOTTO_KEY_PASSWORD`; null stores it unencrypted. */
  readonly keyPassword?: string | null | undefined;
  /** Further attempts after a 429, 500, 502, 503, 504 or a failed connection. Default 2. */
  readonly maxRetries?: number | undefined;
  /** Longest time for each attempt, in milliseconds. Default 600,000. */
  readonly timeout?: number | undefined;
  /** SHA-256 of the router's SubjectPublicKeyInfo in hexadecimal; any one of them must match. */
  readonly pinnedKeys?: readonly string[] | undefined;
  /** Default `auto`. */
  readonly requestBinding?: RequestBinding | undefined;
  /** How long a fetched router key is used before it is asked for again. Default 600,000; 0: every request. */
  readonly serverKeyMaxAgeMs?: number | undefined;
  /** Header fields of every request. They travel in clear. */
  readonly defaultHeaders?: HeaderOptions | undefined;
  /** Takes the place of the platform's transport. */
  readonly fetch?: Fetch | undefined;
  /** Default: none, and nothing is logged. */
  readonly logger?: Logger | null | undefined;
  /** Default: `SOTTO_LOG`, else `warn`. */
  readonly logLevel?: LogLevel | undefined;
  /** Default: that of the runtime the package was imported for. */
  readonly platform?: Platform | undefined;
}
