import { ConfigurationError } from '@sotto/protocol';
import { type ResolvedTierOptions, resolveTierOptions, type TierOptions } from '../attestation/attestation-options.ts';
import type { RouterAttestation } from '../attestation/router-attestation.ts';
import type { Log } from '../log.ts';
import { parsePins } from '../pins.ts';
import { RememberedRouter, type RouterMemory } from '../router-memory.ts';
import type { RouterUrl } from '../router-url.ts';
import { GatewayKeys } from './gateway-keys.ts';
import { keyPolicy, type PqKem } from './key-policy.ts';
import { attestedKeys, givenKeys, type KeySource, pinnedKeys, unpinnedKeys } from './key-source.ts';
import { OhttpChannel } from './ohttp-channel.ts';
import { parseRelay, type Relay, type RelayOptions } from './relay.ts';
import type { OhttpRuntime } from './runtime.ts';

/** How to reach routers over ohttp, and whom to believe. */
export interface OhttpOptions extends RelayOptions, TierOptions {
  /**
   * SHA-256 of the Ed25519 identities that may sign the router's keys, in hexadecimal; one of them must have. Without
   * it, and without `attestation`, the keys are believed because TLS is: whoever terminates that can put their own in
   * their place. With both, both must hold.
   */
  readonly pinnedSigners?: readonly string[] | undefined;
  /** The router's keys, `application/ohttp-keys`, in the place of asking the router for them. */
  readonly keyConfigs?: Uint8Array | undefined;
  /** Default `preferred`. */
  readonly pqKem?: PqKem | undefined;
  /** What must not be forgotten when the client is. Default: what it remembers lives as long as the client. */
  readonly memory?: RouterMemory | undefined;
}

/** {@link OhttpOptions}, checked. */
export interface ResolvedOhttpOptions extends ResolvedTierOptions {
  readonly pinnedSigners: ReadonlySet<string> | null;
  readonly keyConfigs: Uint8Array | null;
  readonly pqKem: PqKem;
  readonly relay: Relay | null;
}

/**
 * Checks the options.
 * @throws ConfigurationError `invalid_option`, SecurityError `insecure_transport`
 * @throws InvalidRequestError `invalid_security_tier`
 */
export function resolveOhttpOptions(options: OhttpOptions): ResolvedOhttpOptions {
  const { pinnedSigners, keyConfigs } = options;
  if (pinnedSigners !== undefined && keyConfigs !== undefined) {
    throw new ConfigurationError('pinnedSigners and keyConfigs both say which keys to believe: give one of them', {
      code: 'invalid_option',
    });
  }
  return {
    pinnedSigners: pinnedSigners === undefined ? null : parsePins('pinnedSigners', pinnedSigners),
    keyConfigs: keyConfigs ?? null,
    pqKem: options.pqKem ?? 'preferred',
    relay: parseRelay(options),
    ...resolveTierOptions(options),
  };
}

/**
 * Makes the channel to a router.
 * @param attestation what the router must prove first; null asks for no proof
 * @throws ConfigurationError `invalid_option`, `unsupported_runtime`
 */
export function openChannel(
  runtime: OhttpRuntime,
  router: RouterUrl,
  options: ResolvedOhttpOptions,
  memory: RouterMemory,
  log: Log,
  attestation: RouterAttestation | null,
): OhttpChannel {
  const { hpke, clock } = runtime;
  const policy = keyPolicy(options.pqKem, hpke);
  const told = keySource(runtime, router, options, new RememberedRouter(memory, new URL(router.base).origin));
  const source = attestation === null ? told : attestedKeys(attestation, told);
  if (source.trust === 'unpinned') {
    log.warn('no identity of the router is pinned: whoever terminates TLS can replace its keys');
  }
  const keys = new GatewayKeys({ source, policy, hpke, clock, log });
  return new OhttpChannel({ runtime, router, keys, relay: options.relay, log });
}

function keySource(
  runtime: OhttpRuntime,
  router: RouterUrl,
  { keyConfigs, pinnedSigners }: ResolvedOhttpOptions,
  memory: RememberedRouter,
): KeySource {
  if (keyConfigs !== null) return givenKeys(keyConfigs);
  return pinnedSigners === null ? unpinnedKeys(runtime, router) : pinnedKeys(runtime, router, pinnedSigners, memory);
}
