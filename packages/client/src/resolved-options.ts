import { ConfigurationError } from '@sotto/protocol';
import type { ClientOptions, ProtocolOption, RequestBinding } from './client-options.ts';
import { fetchTransport } from './fetch-transport.ts';
import { Log, parseLogLevel } from './log.ts';
import { type ResolvedOhttpOptions, resolveOhttpOptions } from './ohttp/ohttp-options.ts';
import { checkApiKey, mergeHeaders } from './outer-headers.ts';
import { parsePins } from './pins.ts';
import type { Platform } from './platform.ts';
import { createRouterMemory, type RouterMemory } from './router-memory.ts';
import { DEFAULT_BASE_URL, parseRouterUrl, type RouterUrl } from './router-url.ts';
import type { Transport } from './transport.ts';
import { webPlatform } from './web-platform.ts';

const DEFAULT_TIMEOUT_MS = 600_000;
const DEFAULT_SERVER_KEY_MAX_AGE_MS = 600_000;
const DEFAULT_MAX_RETRIES = 2;
/** Longer timers fire at once in every engine (HTML §8.6: a signed 32-bit number). */
const MAX_TIMER_MS = 2_147_483_647;

/** {@link ClientOptions} with every default in place and every value checked. */
export interface ResolvedOptions {
  readonly platform: Platform;
  readonly transport: Transport;
  readonly router: RouterUrl;
  readonly allowHttp: boolean;
  readonly apiKey: string | null;
  readonly protocol: ProtocolOption;
  readonly ohttp: ResolvedOhttpOptions;
  readonly memory: RouterMemory;
  readonly secureMemory: boolean;
  readonly keyDir: string | null;
  readonly keyPassword: string | null;
  readonly maxRetries: number;
  readonly timeoutMs: number;
  /** Lower-case hexadecimal; null where any key is taken. */
  readonly pinnedKeys: ReadonlySet<string> | null;
  readonly requestBinding: RequestBinding;
  readonly serverKeyMaxAgeMs: number;
  readonly defaultHeaders: Readonly<Record<string, string>>;
  readonly log: Log;
}

/**
 * Checks options and fills in what the environment and the defaults say.
 * @throws ConfigurationError `invalid_option`, `unsupported_runtime`
 * @throws SecurityError `insecure_transport`
 */
export function resolveOptions(options: ClientOptions): ResolvedOptions {
  const platform = options.platform ?? webPlatform;
  const allowHttp = options.allowHttp ?? false;
  const apiKey = options.apiKey === undefined ? platform.environment('SOTTO_API_KEY') : options.apiKey;
  const keyDir = options.keyDir ?? null;
  if (keyDir !== null && platform.keyFiles === null) {
    throw new ConfigurationError('keyDir needs a runtime with files: leave it out, and pass PEM texts to loadKeys', {
      code: 'unsupported_runtime',
    });
  }
  return {
    platform,
    transport: options.fetch === undefined ? platform.transport : fetchTransport(options.fetch),
    router: parseRouterUrl(baseUrlOf(options, platform), allowHttp),
    allowHttp,
    apiKey: apiKey === null ? null : checkApiKey(apiKey),
    protocol: checkProtocol(options.protocol ?? 'auto'),
    ohttp: resolveOhttpOptions({ ...options, allowHttp }),
    memory: options.memory ?? createRouterMemory(),
    secureMemory: options.secureMemory ?? true,
    keyDir,
    keyPassword: options.keyPassword === undefined ? platform.environment('SOTTO_KEY_PASSWORD') : options.keyPassword,
    maxRetries: checkMaxRetries(options.maxRetries ?? DEFAULT_MAX_RETRIES),
    timeoutMs: checkTimeout(options.timeout ?? DEFAULT_TIMEOUT_MS),
    pinnedKeys: options.pinnedKeys === undefined ? null : parsePins('pinnedKeys', options.pinnedKeys),
    requestBinding: checkBinding(options.requestBinding ?? 'auto'),
    serverKeyMaxAgeMs: checkMaxAge(options.serverKeyMaxAgeMs ?? DEFAULT_SERVER_KEY_MAX_AGE_MS),
    defaultHeaders: mergeHeaders(options.defaultHeaders ?? {}),
    log: new Log(
      options.logger ?? null,
      parseLogLevel(options.logLevel ?? platform.environment('SOTTO_LOG') ?? 'warn'),
    ),
  };
}

function baseUrlOf(options: ClientOptions, platform: Platform): string {
  const { baseURL, baseUrl } = options;
  if (baseURL !== undefined && baseUrl !== undefined && baseURL !== baseUrl) {
    throw invalidOption('baseURL and baseUrl are two names of one option: give one of them');
  }
  return baseURL ?? baseUrl ?? platform.environment('SOTTO_BASE_URL') ?? DEFAULT_BASE_URL;
}

/** @throws ConfigurationError `invalid_option` */
export function checkMaxRetries(maxRetries: number): number {
  if (!Number.isInteger(maxRetries) || maxRetries < 0) throw invalidOption('maxRetries is a whole number from 0 on');
  return maxRetries;
}

/** @throws ConfigurationError `invalid_option` */
export function checkTimeout(timeoutMs: number): number {
  if (!(timeoutMs > 0) || timeoutMs > MAX_TIMER_MS) {
    throw invalidOption(`timeout is a number of milliseconds, above 0 and at most ${MAX_TIMER_MS}`);
  }
  return timeoutMs;
}

function checkMaxAge(milliseconds: number): number {
  if (!(milliseconds >= 0)) throw invalidOption('serverKeyMaxAgeMs is a number of milliseconds from 0 on');
  return milliseconds;
}

function checkProtocol(protocol: string): ProtocolOption {
  if (protocol !== 'auto' && protocol !== 'ohttp' && protocol !== 'nomyo-v1') {
    throw invalidOption('protocol is one of auto, ohttp, nomyo-v1');
  }
  return protocol;
}

function checkBinding(binding: string): RequestBinding {
  if (binding !== 'auto' && binding !== 'always' && binding !== 'never') {
    throw invalidOption('requestBinding is one of auto, always, never');
  }
  return binding;
}

function invalidOption(message: string): ConfigurationError {
  return new ConfigurationError(message, { code: 'invalid_option' });
}
