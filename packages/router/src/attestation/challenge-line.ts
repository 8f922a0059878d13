import { type APIError, apiError } from '@sotto/protocol';
import { TokenBucket, type TokenBucketOptions } from './token-bucket.ts';

/** How many challenges are answered. */
export interface ChallengeLimits extends TokenBucketOptions {
  /** Challenges that wait for the attester or are being answered. */
  readonly maxWaiting: number;
}

/** Evidence takes milliseconds on SEV-SNP and seconds on TDX: more than this nobody's hardware keeps up with. */
export const CHALLENGE_LIMITS: ChallengeLimits = { ratePerSecond: 2, burst: 4, maxWaiting: 8 };

/** Challenges under way: one answer for all who send the same, and no more of them than the hardware can bear. */
export class ChallengeLine<T> {
  readonly #answer: (nonce: Uint8Array) => Promise<T>;
  readonly #limits: ChallengeLimits;
  readonly #bucket: TokenBucket;
  readonly #underWay = new Map<string, Promise<T>>();

  constructor(answer: (nonce: Uint8Array) => Promise<T>, limits: ChallengeLimits, now: () => number) {
    this.#answer = answer;
    this.#limits = limits;
    this.#bucket = new TokenBucket(limits, now);
  }

  /**
   * Answers a challenge.
   * @throws RateLimitError `rate_limit_exceeded`
   */
  async ask(nonce: Uint8Array): Promise<T> {
    const name = Buffer.from(nonce).toString('base64');
    const shared = this.#underWay.get(name);
    if (shared !== undefined) return shared;
    const { maxWaiting, ratePerSecond } = this.#limits;
    if (this.#underWay.size >= maxWaiting) throw tooMany((this.#underWay.size / ratePerSecond) * 1_000);
    const waitMs = this.#bucket.take();
    if (waitMs > 0) throw tooMany(waitMs);
    const answer = this.#answer(nonce).finally(() => this.#underWay.delete(name));
    this.#underWay.set(name, answer);
    return answer;
  }
}

function tooMany(retryAfterMs: number): APIError {
  return apiError('rate_limit_exceeded', 'too many challenges at once: try again later, or take the static bundle', {
    retryAfterMs,
  });
}
