import type { RateLimiterAbstract } from 'rate-limiter-flexible';
import type { CounterKind, LimiterFactory } from './limiter-factory.ts';

/** A count as it stood when something was added. */
export interface Count {
  /** What was added included. */
  readonly total: number;
  /** Until the count is forgotten, in milliseconds. */
  readonly resetMs: number;
}

/**
 * Counts by name. Adding is one step wherever the counts are held (a line of JavaScript in memory, one message to the
 * primary process, one script in Redis) and tells the sum: of any number who add at once, exactly those whose sum is
 * within a limit are within it.
 */
export class Counter {
  readonly #limiter: RateLimiterAbstract;
  readonly #durationMs: number;

  constructor(makeLimiter: LimiterFactory, kind: CounterKind) {
    this.#limiter = makeLimiter(kind);
    this.#durationMs = kind.duration * 1_000;
  }

  /** @param amount a whole number, 0 or more */
  async add(name: string, amount: number): Promise<Count> {
    const { consumedPoints, msBeforeNext } = await this.#limiter.penalty(name, amount);
    // A clock that was set back would make the rest of the time longer than the whole of it.
    return { total: consumedPoints, resetMs: Math.min(Math.max(msBeforeNext, 1), this.#durationMs) };
  }

  /**
   * Takes back what was added. A count that is not there any more, because its time is over or because another place
   * counts now, does not become less than nothing: that would be a gift.
   */
  async takeBack(name: string, amount: number): Promise<void> {
    const { consumedPoints } = await this.#limiter.reward(name, amount);
    if (consumedPoints < 0) await this.#limiter.penalty(name, -consumedPoints);
  }

  async forget(name: string): Promise<void> {
    await this.#limiter.delete(name);
  }
}
