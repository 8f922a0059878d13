import type { Fetch } from './fetch-transport.ts';
import type { Logger, LogLevel } from './log.ts';
import type { OhttpOptions } from './ohttp/ohttp-options.ts';
import type { HeaderOptions } from './outer-headers.ts';
import type { Platform } from './platform.ts';
import type { ChatProtocol } from './router-memory.ts';

/**
 * When a request carries the authenticated copy of its headers, by which the router notices a swapped key and the
 * client a forged answer. `auto`: as soon as the router has once said that it understands; `always`: from the
 * first request on, whatever the router says; `never`: as NOMYO's own clients.
 */
export type RequestBinding = 'auto' | 'always' | 'never';

/**
 * Which protocol carries the requests. `auto`: ohttp, or nomyo-v1 with a router that has no ohttp and never had, unless
 * `pinnedSigners`, `keyConfigs`, `relayUrl` or `pqKem: 'required'` ask for ohttp; with `pinnedKeys` and none of these
 * nomyo-v1, because only there that pin holds. A client never goes below the best that a router ever offered it.
 */
export type ProtocolOption = 'auto' | ChatProtocol;

/** Options of {@link SecureChatCompletion} and {@link SecureCompletionClient}. All may be left out. */
export interface ClientOptions extends OhttpOptions {
  /** The router's address. Default: `SOTTO_BASE_URL`, else `https://api.nomyo.ai`. */
  readonly baseURL?: string | undefined;
  /** The same under NOMYO's name. */
  readonly baseUrl?: string | undefined;
  /** Sent as bearer token. Default: `SOTTO_API_KEY`; null sends none. */
  readonly apiKey?: string | null | undefined;
  /**
   * Takes plain http too, for local tests: with nomyo-v1 the API key travels in clear, and anyone on the way can put
   * a key of their own in the place of the router's, unless `pinnedSigners` (ohttp) or `pinnedKeys` (nomyo-v1) names
   * whom to believe.
   */
  readonly allowHttp?: boolean | undefined;
  /** Default `auto`. */
  readonly protocol?: ProtocolOption | undefined;
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
  /** Header fields of every request. They travel inside the ciphertext with ohttp, in clear with nomyo-v1. */
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
