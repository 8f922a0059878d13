import { type AttestationError, parseRetryAfter } from '@sotto/protocol';
import { attestationError } from '../../verification-error.ts';
import { type Deadline, withDeadline } from '../deadline.ts';
import { readBounded } from '../read-bounded.ts';
import type { CollateralClock } from './collateral-clock.ts';

export const COLLATERAL_STEP = 'attest.collateral';
const FIRST_BACKOFF_MS = 500;
const MAX_WAIT_MS = 30_000;

/** How often and how patiently questions are asked. */
export interface FetchRules {
  readonly timeoutMs: number;
  readonly attempts: number;
  readonly clock: CollateralClock;
}

/** What a service answered. */
export interface Answer {
  readonly body: Uint8Array;
  readonly headers: Headers;
}

/** One failed attempt, and after how long the next is worth it; null when none is. */
class AttemptFailure extends Error {
  readonly retryAfterMs: number | null;

  constructor(message: string, retryAfterMs: number | null, cause?: unknown) {
    super(message, { cause });
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Asks a vendor's service, again after a pause where that may help: AMD's answers 429 to the second question within
 * seconds. Follows no redirection.
 * @throws AttestationError `fetch_failed`
 * @throws APIUserAbortError `request_aborted`
 */
export async function fetchAnswer(url: URL, maxBytes: number, rules: FetchRules, signal: AbortSignal): Promise<Answer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptOnce(url, maxBytes, rules, signal);
    } catch (error) {
      if (!(error instanceof AttemptFailure)) throw error;
      const { retryAfterMs } = error;
      if (retryAfterMs === null || attempt >= rules.attempts) throw fetchFailed(url, error.message, error);
      const backoffMs = FIRST_BACKOFF_MS * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
      await rules.clock.delay(Math.max(retryAfterMs, Math.min(MAX_WAIT_MS, backoffMs)), signal);
    }
  }
}

async function attemptOnce(url: URL, maxBytes: number, rules: FetchRules, signal: AbortSignal): Promise<Answer> {
  const { timeoutMs } = rules;
  const deadline: Deadline = {
    signal,
    timeoutMs,
    onTimeout: () => new AttemptFailure(`it did not answer within ${timeoutMs} ms`, 0),
  };
  return withDeadline(deadline, async (waiting) => {
    const response = await fetch(url, { redirect: 'error', signal: waiting }).catch((cause: unknown) => {
      throw new AttemptFailure('it cannot be reached', 0, cause);
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw refusal(response, rules.clock.now());
    }
    return { body: await readBody(response, maxBytes), headers: response.headers };
  });
}

async function readBody(response: Response, maxBytes: number): Promise<Uint8Array> {
  try {
    return response.body === null ? new Uint8Array() : await readBounded(response.body, maxBytes);
  } catch (cause) {
    if (cause instanceof RangeError) throw new AttemptFailure('its answer is too long', null, cause);
    throw new AttemptFailure('its answer broke off', 0, cause);
  }
}

function refusal({ status, headers }: Response, now: number): AttemptFailure {
  const message = `it answered with status ${status}`;
  if (status !== 429 && status < 500) return new AttemptFailure(message, null);
  const retryAfter = headers.get('retry-after');
  const retryAfterMs = retryAfter === null ? 0 : (parseRetryAfter({ 'retry-after': retryAfter }, now) ?? 0);
  // Asking before it is time would only make it longer.
  return new AttemptFailure(message, retryAfterMs > MAX_WAIT_MS ? null : retryAfterMs);
}

/** Runs a reader over an answer; a service that answers with something else has failed. */
export function readingAnswer<T>(url: URL, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw fetchFailed(url, 'its answer is not what it should be', cause);
  }
}

/** The error of a service that gave no usable answer; names its host alone, as its path names the machine. */
export function fetchFailed(url: URL, what: string, cause?: unknown): AttestationError {
  return attestationError(COLLATERAL_STEP, 'fetch_failed', `collateral from ${url.host} is missing: ${what}`, cause);
}
