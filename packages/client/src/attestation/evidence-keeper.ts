import { findAttestedKeys } from '../ohttp/attested-keys.ts';
import type { FoundKeys, KeySource } from '../ohttp/key-source.ts';
import { SharedFlight } from '../shared-flight.ts';
import { attestRouter } from './attest-router.ts';
import type { AttestationSubject, AttestedKeys, FreshKeys, RouterAttestation } from './router-attestation.ts';

/** Evidence is fetched anew when this share of its time is left, and up to as much earlier by chance. */
const RENEWAL_SHARE = 0.1;
/** How soon a renewal that failed for want of an answer is tried again, while the old evidence still holds. */
const OUTAGE_PAUSE_MS = 30_000;

interface Held {
  readonly keys: AttestedKeys;
  readonly renewAtMs: number;
}

/** One router's evidence for one tier: verified when first needed, once for all who wait, and anew before it ends. */
export class EvidenceKeeper implements RouterAttestation {
  readonly #subject: AttestationSubject;
  readonly #verifying: SharedFlight<AttestedKeys>;
  #held: Held | null = null;

  constructor(subject: AttestationSubject) {
    this.#subject = subject;
    if (subject.options.roots !== undefined) {
      subject.log.warn("other roots than the vendors' are trusted: evidence proves nothing but in tests");
    }
    this.#verifying = new SharedFlight((signal) => this.#verify(signal));
  }

  async current(signal: AbortSignal): Promise<FreshKeys> {
    const held = this.#held;
    const nowMs = this.#subject.runtime.clock.now();
    const keys = held !== null && nowMs < held.renewAtMs ? held.keys : await this.#renewed(held, signal);
    return { ...keys, freshMs: Math.max(0, (this.#held?.renewAtMs ?? 0) - this.#subject.runtime.clock.now()) };
  }

  async renew(signal: AbortSignal): Promise<FreshKeys> {
    await this.#verifying.join(signal);
    return this.current(signal);
  }

  agreeing(told: KeySource, signal: AbortSignal, revalidate: boolean): Promise<FoundKeys> {
    return findAttestedKeys(this, told, signal, revalidate);
  }

  /** A router that cannot be asked for a moment has not lost what it proved; one that proves something else has. */
  async #renewed(held: Held | null, signal: AbortSignal): Promise<AttestedKeys> {
    try {
      return await this.#verifying.join(signal);
    } catch (error) {
      const nowMs = this.#subject.runtime.clock.now();
      if (signal.aborted || held === null || nowMs >= held.keys.validUntilMs || !isOutage(error)) throw error;
      this.#subject.log.warn('no new evidence came: the old still holds');
      this.#held = { keys: held.keys, renewAtMs: Math.min(nowMs + OUTAGE_PAUSE_MS, held.keys.validUntilMs) };
      return held.keys;
    }
  }

  async #verify(signal: AbortSignal): Promise<AttestedKeys> {
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
