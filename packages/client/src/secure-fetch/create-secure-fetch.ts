import { ConfigurationError } from '@sotto/protocol';
import { Attestations } from '../attestation/attestations.ts';
import { type Fetch, fetchTransport } from '../fetch-transport.ts';
import { Log, type Logger, type LogLevel, parseLogLevel } from '../log.ts';
import { type OhttpOptions, resolveOhttpOptions } from '../ohttp/ohttp-options.ts';
import type { OhttpRuntime } from '../ohttp/runtime.ts';
import { OhttpChannels } from '../ohttp-channels.ts';
import { createRouterMemory } from '../router-memory.ts';
import { parseRouterUrl } from '../router-url.ts';
import type { OnSecurityError } from './error-response.ts';
import { type SecureFetch, secureFetchOver } from './secure-fetch.ts';

/** Options of `createSecureFetch`. */
export interface SecureFetchOptions extends OhttpOptions {
  /** The router's address; a final `/v1` is taken off. */
  readonly routerUrl: string;
  /** Default `throw`; the adapters for SDKs answer. */
  readonly onSecurityError?: OnSecurityError | undefined;
  /** Carries the sealed requests in the place of the runtime's own. */
  readonly fetch?: Fetch | undefined;
  /** Parts of the runtime to replace: another transport, another HPKE. */
  readonly runtime?: Partial<OhttpRuntime> | undefined;
  /** Default: none, and nothing is logged. */
  readonly logger?: Logger | null | undefined;
  /** Default `warn`. */
  readonly logLevel?: LogLevel | undefined;
}

/**
 * Makes the function that `createSecureFetch` is in one runtime.
 * @throws ConfigurationError `invalid_option`, `unsupported_runtime`; InvalidRequestError `invalid_security_tier`
 * @throws AttestationError `evidence_missing` for a `tier` that needs proof, where `attestation` asks for none
 * @throws SecurityError `insecure_transport` for an http address, unless `allowHttp`
 */
export function secureFetchFactory(defaults: OhttpRuntime): (options: SecureFetchOptions) => SecureFetch {
  return (options) => {
    const router = parseRouterUrl(options.routerUrl, options.allowHttp ?? false);
    const log = new Log(options.logger ?? null, parseLogLevel(options.logLevel ?? 'warn'));
    const transport = options.fetch === undefined ? {} : { transport: fetchTransport(options.fetch) };
    const runtime = { ...defaults, ...options.runtime, ...transport };
    const memory = options.memory ?? createRouterMemory();
    const ohttp = resolveOhttpOptions(options);
    const attestations = new Attestations({ runtime, memory, log }, ohttp);
    const channels = new OhttpChannels({ runtime, ohttp, attestations, memory, log });
    const onSecurityError = checkOnSecurityError(options.onSecurityError ?? 'throw');
    return secureFetchOver({ router, tier: ohttp.tier, channels, attestations }, onSecurityError);
  };
}

function checkOnSecurityError(value: string): OnSecurityError {
  if (value === 'throw' || value === 'response') return value;
  throw new ConfigurationError('onSecurityError is one of throw, response', { code: 'invalid_option' });
}
