import { AttestationError, type SecurityTier } from '@sotto/protocol';
import type { RouterUrl } from '../router-url.ts';
import type { ResolvedTierOptions } from './attestation-options.ts';
import type { AttestationRecord, AttestationStatus } from './attestation-status.ts';
import { type AttestationSettings, type RouterAttestation, routerAttestation } from './router-attestation.ts';

/** The evidence of the routers that a client speaks to, a verification for each tier. */
export class Attestations {
  readonly #settings: AttestationSettings;
  readonly #options: ResolvedTierOptions;
  readonly #routers = new Map<string, RouterAttestation>();
  readonly #records = new Map<string, AttestationRecord>();

  constructor(settings: AttestationSettings, options: ResolvedTierOptions) {
    this.#settings = settings;
    this.#options = options;
  }

  /**
   * What must be verified before a request of a tier is sealed to a router.
   * @returns null where the client asks for no evidence, and the tier can do without
   * @throws AttestationError `evidence_missing` where the tier cannot
   */
  of(router: RouterUrl, asked: SecurityTier | null): RouterAttestation | null {
    const tier = asked ?? 'standard';
    const { attestation: options, dangerouslyTrustRouterWithoutEvidence } = this.#options;
    if (options === undefined) {
      if (tier !== 'standard' && !dangerouslyTrustRouterWithoutEvidence && !isLoopback(router)) throw unproved(tier);
      return null;
    }
    const name = `${router.base} ${tier}`;
    let attestation = this.#routers.get(name);
    if (attestation === undefined) {
      const record = this.#recordOf(router);
      attestation = routerAttestation({ ...this.#settings, router, tier, options, record });
      this.#routers.set(name, attestation);
    }
    return attestation;
  }

  /** Verifies where that is asked for and has not been done yet. */
  async ready(router: RouterUrl, tier: SecurityTier | null, signal: AbortSignal): Promise<AttestationStatus> {
    await this.of(router, tier)?.current(signal);
    return this.statusOf(router);
  }

  /** What is known of a router's evidence: of the last verification, whatever its tier. */
  statusOf(router: RouterUrl): AttestationStatus {
    return this.#recordOf(router).status;
  }

  #recordOf(router: RouterUrl): AttestationRecord {
    const known = this.#records.get(router.base);
    if (known !== undefined) return known;
    const status = this.#options.attestation === undefined ? 'none' : 'pending';
    const record: AttestationRecord = { status: { status, steps: [] }, accepted: null };
    this.#records.set(router.base, record);
    return record;
  }
}

function unproved(tier: SecurityTier): AttestationError {
  const message = `tier ${tier} needs the option attestation`;
  return new AttestationError(message, { failures: [{ step: 'fetch', code: 'evidence_missing', message }] });
}

/** Whoever runs this machine reads the prompt in this process already: the machine need not be proved to itself. */
function isLoopback({ base }: RouterUrl): boolean {
  return /^https?:\/\/(localhost|127\.[\d.]+|\[::1])[:/]/.test(`${base}/`);
}
