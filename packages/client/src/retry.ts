import { APIConnectionError, APIError, AttestationError } from '@sotto/protocol';
import type { Clock } from './clock.ts';
import { errorFields, type Log } from './log.ts';

/** What may pass by itself. Anything else, a broken security promise above all, would only fail again. */
const RETRIED_STATUSES = new Set([429, 500, 502, 503, 504]);
const FIRST_BACKOFF_MS = 500;
const MAX_BACKOFF_MS = 8_000;
/** Share of a backoff that chance takes away, so that clients that failed together do not return together. */
const JITTER = 0.25;
/** A router that asks for a longer wait is not waited for: the caller hears of it, with `retryAfterMs`. */
const MAX_RETRY_AFTER_MS = 60_000;

/** How an operation may be repeated. */
interface RetryPolicy {
  /** Attempts after the first. */
  readonly maxRetries: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal | null;
}

/** Repeats an attempt while its errors may pass by themselves. Throws the last error as it is. */
export async function retry<T>(policy: RetryPolicy, attempt: () => Promise<T>): Promise<T> {
  for (let failures = 0; ; failures++) {
    try {
      return await attempt();
    } catch (error) {
      const waitMs = failures < policy.maxRetries ? waitBeforeRetry(error, failures) : null;
      if (waitMs === null) throw error;
      policy.log.info('trying again', { ...errorFields(error), attempt: failures + 2, waitMs: Math.round(waitMs) });
      await policy.clock.delay(waitMs, policy.signal);
    }
  }
}

/**
 * The wait before an error's retry: what the router asked for (`retry-after-ms`, `Retry-After`), else half a
 * second, doubled with each failure up to eight, less some chance.
 * @returns milliseconds, or null where the error is final
 */
function waitBeforeRetry(error: unknown, failures: number): number | null {
  if (APIError.isInstance(error)) {
    if (!RETRIED_STATUSES.has(error.status)) return null;
    if (error.retryAfterMs !== null) return error.retryAfterMs <= MAX_RETRY_AFTER_MS ? error.retryAfterMs : null;
  } else if (!APIConnectionError.isInstance(error) && !isMissed(error)) {
    return null;
  }
  return Math.min(FIRST_BACKOFF_MS * 2 ** failures, MAX_BACKOFF_MS) * (1 - JITTER * Math.random());
}

/** Evidence that could not be fetched: of the router nothing bad is known. */
function isMissed(error: unknown): boolean {
  return AttestationError.isInstance(error) && error.code === 'fetch_failed';
}
