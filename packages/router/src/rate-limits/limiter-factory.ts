import { type RateLimiterAbstract, RateLimiterMemory } from 'rate-limiter-flexible';

/** A kind of counter: one holds the counts of all keys. */
export interface CounterKind {
  /** Tells this kind from the others where they share a place: `requests-minute`. */
  readonly keyPrefix: string;
  /** More than is ever counted: what a key may have is its rights' matter and can change, the counter only counts. */
  readonly points: number;
  /** Seconds after which a count is forgotten; 0: never. */
  readonly duration: number;
}

/** Makes the counters of one kind; by default in this process's memory. */
export type LimiterFactory = (kind: CounterKind) => RateLimiterAbstract;

/** Counts up to which adding stays exact; in billionths of a dollar, nine million dollars. */
const MAX_POINTS = Number.MAX_SAFE_INTEGER;

/** Node's timers hold 31 bits of milliseconds, and a longer one fires at once: 24 days. */
const LONGEST_TIMER_SECONDS = 2_147_483;

/** A kind of counter, by its name and how long a count lasts. */
export function counterKind(keyPrefix: string, durationSeconds: number): CounterKind {
  return { keyPrefix, points: MAX_POINTS, duration: durationSeconds };
}

/**
 * A kind of counter for memory, which forgets by timers: what lasts longer than they do is kept until it is deleted.
 * For `RateLimiterMemory` and for `RateLimiterCluster`, whose counts are in the primary's memory.
 */
export function heldInMemory(kind: CounterKind): CounterKind {
  return kind.duration > LONGEST_TIMER_SECONDS ? { ...kind, duration: 0 } : kind;
}

/** A kind of counter that stands in for another while that cannot be reached, and is forgotten after 24 days at most. */
export function heldForTheTimeBeing(kind: CounterKind): CounterKind {
  const lasts = kind.duration > 0 && kind.duration <= LONGEST_TIMER_SECONDS;
  return lasts ? kind : { ...kind, duration: LONGEST_TIMER_SECONDS };
}

/** Counters in this process's memory. */
export const memoryLimiters: LimiterFactory = (kind) => new RateLimiterMemory(heldInMemory(kind));
