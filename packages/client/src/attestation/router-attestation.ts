import type { SecurityTier } from '@sotto/protocol';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { RememberedRouter } from '../router-memory.ts';
import type { RouterUrl } from '../router-url.ts';
import { SharedFlight } from '../shared-flight.ts';
import type { Transport } from '../transport.ts';
import type { AttestationOptions } from './attestation-options.ts';
import type { AttestationRecord } from './attestation-status.ts';

/** Evidence is fetched anew when this share of its time is left, and up to as much earlier by chance. */
const RENEWAL_SHARE = 0.1;
/** How soon a renewal that failed for want of an answer is tried again, while the old evidence still holds. */
const OUTAGE_PAUSE_MS = 30_000;

/** Whose evidence is verified, for which tier, and with what. */
export interface AttestationSubject {
  readonly transport: Transport;
  readonly clock: Pick<Clock, 'now'>;
  readonly router: RouterUrl;
  readonly tier: SecurityTier;
  readonly options: AttestationOptions;
  readonly memory: RememberedRouter;
  readonly record: AttestationRecord;
  readonly log: Log;
}

/** The keys that verified evidence commits to. */
export interface AttestedKeys {
  /** `application/ohttp-keys` (RFC 9458 §3.2); empty where the router has no ohttp. */
  readonly keyConfigs: Uint8Array;
  /** SHA-256 of the RSA key's SubjectPublicKeyInfo, lower-case hexadecimal; null without nomyo-v1. */
  readonly rsaKeySha256: string | null;
  readonly verifiedAtMs: number;
  readonly validUntilMs: number;
}

interface Held {
  readonly keys: AttestedKeys;
  readonly renewAtMs: number;
}

/** One router's evidence for one tier: verified when first needed, once for all who wait, and anew before it ends. */
export class RouterAttestation {
  readonly #subject: AttestationSubject;
  readonly #verifying: SharedFlight<AttestedKeys>;
  #held: Held | null = null;

  constructor(subject: AttestationSubject) {
    this.#subject = subject;
    this.#verifying = new SharedFlight((signal) => this.#verify(signal));
  }

  /**
   * What the router has proved, and how long that may be used, in milliseconds.
   * @throws AttestationError, PolicyError, ConfigurationError
   */
  async current(signal: AbortSignal): Promise<AttestedKeys & { readonly freshMs: number }> {
    const held = this.#held;
    const nowMs = this.#subject.clock.now();
    const keys = held !== null && nowMs < held.renewAtMs ? held.keys : await this.#renewed(held, signal);
    return { ...keys, freshMs: Math.max(0, (this.#held?.renewAtMs ?? 0) - this.#subject.clock.now()) };
  }

  /** The same of evidence that is fetched now: the router does not have the keys of the old any more. */
  async renew(signal: AbortSignal): Promise<AttestedKeys & { readonly freshMs: number }> {
    await this.#verifying.join(signal);
    return this.current(signal);
  }

  /** A router that cannot be asked for a moment has not lost what it proved; one that proves something else has. */
  async #renewed(held: Held | null, signal: AbortSignal): Promise<AttestedKeys> {
    try {
      return await this.#verifying.join(signal);
    } catch (error) {
      const nowMs = this.#subject.clock.now();
      if (signal.aborted || held === null || nowMs >= held.keys.validUntilMs || !isOutage(error)) throw error;
      this.#subject.log.warn('no new evidence came: the old still holds');
      this.#held = { keys: held.keys, renewAtMs: Math.min(nowMs + OUTAGE_PAUSE_MS, held.keys.validUntilMs) };
      return held.keys;
    }
  }

  async #verify(signal: AbortSignal): Promise<AttestedKeys> {
    // An app that asks for no evidence does not load what verifies it.
    const { attestRouter } = await import('./attest-router.ts');
    const keys = await attestRouter(this.#subject, signal);
    const share = RENEWAL_SHARE * (1 + Math.random());
    const renewAtMs = keys.validUntilMs - share * (keys.validUntilMs - keys.verifiedAtMs);
    this.#held = { keys, renewAtMs };
    return keys;
  }
}

function isOutage(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'fetch_failed';
}
