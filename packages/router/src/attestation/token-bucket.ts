/** How often something may be done: a rate, and how much may be done at once after a rest. */
export interface TokenBucketOptions {
  readonly ratePerSecond: number;
  /** Tokens of a full bucket. */
  readonly burst: number;
}

/** A token bucket: full at first, and filled at a steady rate. It counts in time, so that no fraction is lost. */
export class TokenBucket {
  readonly #msPerToken: number;
  readonly #fullMs: number;
  readonly #now: () => number;
  #filledMs: number;
  #countedAtMs: number;

  constructor({ ratePerSecond, burst }: TokenBucketOptions, now: () => number) {
    this.#msPerToken = 1_000 / ratePerSecond;
    this.#fullMs = burst * this.#msPerToken;
    this.#now = now;
    this.#filledMs = this.#fullMs;
    this.#countedAtMs = now();
  }

  /** Takes a token. @returns 0, or the milliseconds until there is one again, and then nothing was taken */
  take(): number {
    const now = this.#now();
    // A clock that was set back fills nothing; it never empties the bucket.
    this.#filledMs = Math.min(this.#fullMs, this.#filledMs + Math.max(0, now - this.#countedAtMs));
    this.#countedAtMs = now;
    if (this.#filledMs < this.#msPerToken) return Math.ceil(this.#msPerToken - this.#filledMs);
    this.#filledMs -= this.#msPerToken;
    return 0;
  }
}
