import { AttestationError, type SecurityTier } from '@sotto/protocol';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { RememberedRouter, type RouterMemory } from '../router-memory.ts';
import type { RouterUrl } from '../router-url.ts';
import type { Transport } from '../transport.ts';
import type { ResolvedTierOptions } from './attestation-options.ts';
import type { AttestationRecord, AttestationStatus } from './attestation-status.ts';
import { type RouterAttestation, routerAttestation } from './router-attestation.ts';

interface AttestationsSettings {
  readonly runtime: { readonly transport: Transport; readonly clock: Pick<Clock, 'now'> };
  readonly options: ResolvedTierOptions;
  readonly memory: RouterMemory;
  readonly log: Log;
}

/** The evidence of the routers that a client speaks to, a verification for each tier. */
export class Attestations {
  readonly #settings: AttestationsSettings;
  readonly #routers = new Map<string, RouterAttestation>();
  readonly #records = new Map<string, AttestationRecord>();

  constructor(settings: AttestationsSettings) {
    this.#settings = settings;
    if (settings.options.attestation?.roots !== undefined) {
      settings.log.warn("other roots than the vendors' are trusted: evidence proves nothing but in tests");
    }
  }

  /**
   * What must be verified before a request of a tier is sealed to a router.
   * @returns null where the client asks for no evidence, and the tier can do without
   * @throws AttestationError `evidence_missing` where the tier cannot
   */
  of(router: RouterUrl, tier: SecurityTier | null): RouterAttestation | null {
    const { runtime, options, memory, log } = this.#settings;
    if (options.attestation === null) {
      if (!options.trustsWithoutEvidence && !isLoopback(router)) refuseUnproved(tier ?? 'standard');
      return null;
    }
    const demanded = tier ?? 'standard';
    const name = `${router.base} ${demanded}`;
    let attestation = this.#routers.get(name);
    if (attestation === undefined) {
      attestation = routerAttestation({
        transport: runtime.transport,
        clock: runtime.clock,
        router,
        tier: demanded,
        options: options.attestation,
        memory: new RememberedRouter(memory, new URL(router.base).origin),
        record: this.#recordOf(router),
        log,
      });
      this.#routers.set(name, attestation);
    }
    return attestation;
  }

  /** What is known of a router's evidence: of the last verification, whatever its tier. */
  statusOf(router: RouterUrl): AttestationStatus {
    return this.#settings.options.attestation === null ? { status: 'none', steps: [] } : this.#recordOf(router).status;
  }

  #recordOf(router: RouterUrl): AttestationRecord {
    let record = this.#records.get(router.base);
    if (record === undefined) {
      record = { status: { status: 'pending', steps: [] }, accepted: null };
      this.#records.set(router.base, record);
    }
    return record;
  }
}

function refuseUnproved(tier: SecurityTier): void {
  if (tier === 'standard') return;
  const message = `tier ${tier} needs proof of what the router is: set attestation, or ask for tier standard`;
  throw new AttestationError(message, { failures: [{ step: 'fetch', code: 'evidence_missing', message }] });
}

/** Whoever runs this machine reads the prompt in this process already: the machine need not be proved to itself. */
function isLoopback({ base }: RouterUrl): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(base).hostname);
}
