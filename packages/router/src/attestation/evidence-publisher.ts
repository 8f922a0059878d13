import { computeReportData, encodeBundle } from '@sotto/attestation';
import { SOFTWARE_ATTESTATION_NOTICE } from '@sotto/attestation/attest';
import { APIError, ConfigurationError, equalBytes } from '@sotto/protocol';
import { type KeyClaims, serializeClaims } from '@sotto/protocol/key-statement';
import { type AttestationEvent, failureOf } from './attestation-event.ts';
import { AttesterTurn, unavailable } from './attester-turn.ts';
import { CHALLENGE_LIMITS, type ChallengeLimits, ChallengeLine } from './challenge-line.ts';
import type { EndorsedAttester } from './endorsed-attester.ts';
import type { OwnEvidence, SelfVerification } from './self-verification.ts';

/** What a publisher of evidence is made of. */
export interface EvidencePublisherOptions {
  readonly attester: EndorsedAttester;
  /** What the router says of its keys at this moment. */
  readonly claims: () => KeyClaims;
  readonly verify: SelfVerification;
  readonly onEvent?: ((event: AttestationEvent) => void) | undefined;
  /** Longest wait for the attester, and for the vendor's services behind it. */
  readonly timeoutMs: number;
  /** Age at which static evidence is made anew. Default: half of its claims' life. */
  readonly refreshMs?: number | undefined;
  readonly challenges?: ChallengeLimits | undefined;
  /** Milliseconds since 1970. */
  readonly now?: (() => number) | undefined;
}

/** A static bundle as it is served. */
export interface PublishedBundle {
  /** JSON, at most 256 KiB. */
  readonly body: Uint8Array;
  readonly kid: string;
  readonly validUntilMs: number;
}

interface MadeBundle extends PublishedBundle {
  readonly stated: KeyClaims;
  /** {@link MadeBundle.stated}, as the evidence binds them. */
  readonly claims: Uint8Array;
  readonly own: OwnEvidence;
}

/** Keys may rotate while the attester works: then the claims are stated anew, once. */
const ATTEMPTS = 2;
/** Near the end of its life evidence is made anew at halves of the rest, and never more often than this. */
const MIN_REFRESH_MS = 60_000;
/** After a failure, and twice as long after each further one; requests before that do not ask the attester again. */
const RETRY_MS = 5_000;
const MAX_RETRY_MS = 300_000;
const MAX_TIMER_MS = 2_147_483_647; // HTML, timers: a longer delay fires at once

/**
 * Makes the router's evidence bundles: a static one that is kept, refreshed at half its life and when the claims
 * change, and one for each challenge.
 *
 * A bundle leaves only when its claims are those of this very moment and the clients' own verifier has taken it.
 * Where the attester fails, the last good bundle of the same claims is served as long as it is valid, and then none:
 * no bundle is ever served in the place of another.
 */
export class EvidencePublisher {
  readonly #options: EvidencePublisherOptions;
  readonly #turn: AttesterTurn;
  readonly #line: ChallengeLine<MadeBundle>;
  readonly #now: () => number;
  #kept: MadeBundle | null = null;
  #refreshing: Promise<MadeBundle> | null = null;
  #failures = 0;
  #retryAtMs = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @throws ConfigurationError `invalid_config` where the claims name no origin */
  constructor(options: EvidencePublisherOptions) {
    originOf(options.claims());
    this.#options = options;
    this.#now = options.now ?? Date.now;
    this.#turn = new AttesterTurn(options.attester, options.timeoutMs);
    const answer = (nonce: Uint8Array) => this.#make('challenge', nonce);
    this.#line = new ChallengeLine(answer, options.challenges ?? CHALLENGE_LIMITS, this.#now);
    if (options.attester.type === 'software') this.#tell({ kind: 'insecure', message: SOFTWARE_ATTESTATION_NOTICE });
  }

  /**
   * Makes the static bundle anew: at the start, and when keys have rotated. Never rejects: a failure is told as an
   * event, and tried again.
   */
  async refresh(): Promise<void> {
    await this.#refresh().catch(() => {});
  }

  /**
   * The static bundle of the keys in use now.
   * @throws ServiceUnavailableError `evidence_unavailable`
   */
  async current(): Promise<PublishedBundle> {
    const kept = this.#servable();
    if (kept !== null) return kept;
    if (this.#refreshing === null && this.#now() < this.#retryAtMs) throw noEvidence();
    return this.#refresh();
  }

  /**
   * A bundle that answers a challenge of 32 bytes.
   * @throws RateLimitError `rate_limit_exceeded`
   * @throws ServiceUnavailableError `evidence_unavailable`
   */
  async answer(nonce: Uint8Array): Promise<Uint8Array> {
    return (await this.#line.ask(nonce)).body;
  }

  /** When the bundle that is served now ends, in milliseconds since 1970; null where none is. */
  get validUntilMs(): number | null {
    return this.#servable()?.validUntilMs ?? null;
  }

  /** Makes no more evidence by itself. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  /** The kept bundle, while it is valid and of these keys. */
  #servable(): MadeBundle | null {
    const kept = this.#kept;
    if (kept === null || this.#now() >= kept.validUntilMs) return null;
    return this.#isCurrent(kept) ? kept : null;
  }

  #isCurrent({ stated, claims }: MadeBundle): boolean {
    const now = this.#options.claims();
    // The same object says the same: most of the time nothing has to be written to know.
    return now === stated || equalBytes(claims, serializeClaims(now));
  }

  async #refresh(): Promise<MadeBundle> {
    this.#refreshing ??= this.#make('static', undefined)
      .then(
        (made) => this.#keep(made),
        (error: unknown) => {
          const delayMs = Math.min(RETRY_MS * 2 ** this.#failures++, MAX_RETRY_MS);
          this.#retryAtMs = this.#now() + delayMs;
          this.#refreshIn(delayMs);
          throw error;
        },
      )
      .finally(() => {
        this.#refreshing = null;
      });
    return this.#refreshing;
  }

  #keep(made: MadeBundle): MadeBundle {
    const { own, kid, validUntilMs, stated } = made;
    this.#kept = made;
    this.#failures = 0;
    this.#retryAtMs = Number.NEGATIVE_INFINITY;
    const refreshMs = this.#options.refreshMs ?? ((stated.expiresAt - stated.issuedAt) * 1_000) / 2;
    this.#refreshIn(Math.max(MIN_REFRESH_MS, Math.min(refreshMs, (validUntilMs - this.#now()) / 2)));
    this.#tell({
      kind: 'published',
      type: this.#options.attester.type,
      kid,
      measurements: own.measurements,
      advisories: own.advisories,
      objections: own.objections,
      validUntilMs,
    });
    return made;
  }

  async #make(purpose: 'static' | 'challenge', nonce: Uint8Array | undefined): Promise<MadeBundle> {
    try {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const made = await this.#attest(this.#options.claims(), nonce);
        if (this.#isCurrent(made)) return made;
      }
      throw unavailable('the keys rotated while their evidence was made');
    } catch (error) {
      const stillServing = purpose === 'static' && this.#servable() !== null;
      this.#tell({ kind: 'failed', purpose, ...failureOf(error), stillServing });
      throw APIError.isInstance(error) ? error : noEvidence(error);
    }
  }

  async #attest(stated: KeyClaims, nonce: Uint8Array | undefined): Promise<MadeBundle> {
    const claims = serializeClaims(stated);
    const evidence = await this.#turn.attest(await computeReportData(claims, nonce), nonce);
    const bundle = encodeBundle({ v: 1, claims, ...(nonce === undefined ? {} : { nonce }), evidence });
    const own = await this.#verify(bundle, { type: evidence.type, origin: originOf(stated), nonce });
    return {
      body: Buffer.from(bundle),
      kid: stated.kid,
      validUntilMs: Math.min(own.validUntilMs ?? Number.POSITIVE_INFINITY, stated.expiresAt * 1_000),
      stated,
      claims,
      own,
    };
  }

  async #verify(...question: Parameters<SelfVerification>): Promise<OwnEvidence> {
    try {
      return await this.#options.verify(...question);
    } catch (error) {
      // A revocation list or collateral that was good when it was fetched may be what is not good any more. Of
      // challenges nothing is concluded: anybody may send them, and the vendors' services count who asks.
      if (question[1].nonce === undefined) this.#options.attester.forget?.();
      throw error;
    }
  }

  #refreshIn(delayMs: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.refresh(), Math.min(delayMs, MAX_TIMER_MS)).unref();
  }

  #tell(event: AttestationEvent): void {
    this.#options.onEvent?.(event);
  }
}

function noEvidence(cause?: unknown) {
  return unavailable('the router cannot make evidence now: its operator knows why', cause);
}

function originOf({ origin }: KeyClaims): string {
  if (origin !== null) return origin;
  throw new ConfigurationError('publicUrl: evidence names the origin of its router, so say which it is', {
    code: 'invalid_config',
  });
}
