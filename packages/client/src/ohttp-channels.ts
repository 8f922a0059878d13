import type { SecurityTier } from '@sotto/protocol';
import type { Attestations } from './attestation/attestations.ts';
import type { RouterAttestation } from './attestation/router-attestation.ts';
import type { Log } from './log.ts';
import type { OhttpChannel } from './ohttp/ohttp-channel.ts';
import { openChannel, type ResolvedOhttpOptions } from './ohttp/ohttp-options.ts';
import type { OhttpRuntime } from './ohttp/runtime.ts';
import type { RouterMemory } from './router-memory.ts';
import type { RouterUrl } from './router-url.ts';

interface OhttpChannelsSettings {
  readonly runtime: OhttpRuntime;
  readonly ohttp: ResolvedOhttpOptions;
  readonly attestations: Attestations;
  readonly memory: RouterMemory;
  readonly log: Log;
}

/**
 * The sealed ways to the routers that a client speaks to: where evidence is asked for, one for each tier, so that a
 * request is sealed only to keys whose evidence has met the demands of its own.
 */
export class OhttpChannels {
  readonly #settings: OhttpChannelsSettings;
  readonly #channels = new Map<RouterAttestation | string, OhttpChannel>();

  constructor(settings: OhttpChannelsSettings) {
    this.#settings = settings;
  }

  /**
   * @throws ConfigurationError `unsupported_runtime`
   * @throws AttestationError `evidence_missing` for a tier that needs proof, where none is asked for
   */
  of(router: RouterUrl, tier: SecurityTier | null): OhttpChannel {
    const { runtime, ohttp, attestations, memory, log } = this.#settings;
    const attestation = attestations.of(router, tier);
    const key = attestation ?? router.base;
    let channel = this.#channels.get(key);
    if (channel === undefined) {
      channel = openChannel(runtime, router, ohttp, memory, log, attestation);
      this.#channels.set(key, channel);
    }
    return channel;
  }
}
