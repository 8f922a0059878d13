import { apiError } from '@sotto/protocol';
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import type { HeaderFields } from '../http/exchange.ts';

/** How many requests somebody may send. */
export interface RequestAllowance {
  /** Whom to count for. */
  readonly name: string;
  readonly requestsPerMinute: number | undefined;
  readonly requestsPerDay: number | undefined;
}

/** Makes the counter of one window; by default one in this process's memory. */
export type LimiterFactory = (options: { keyPrefix: string; points: number; duration: number }) => RateLimiterAbstract;

const MINUTE_SECONDS = 60;
const DAY_SECONDS = 86_400;

interface Window {
  readonly limit: number;
  readonly limiter: RateLimiterAbstract;
}

/** Counts requests in fixed windows that begin with the first request in them. */
export class RequestLimits {
  readonly #makeLimiter: LimiterFactory;
  readonly #windows = new Map<string, readonly Window[]>();

  constructor(makeLimiter: LimiterFactory = (options) => new RateLimiterMemory(options)) {
    this.#makeLimiter = makeLimiter;
  }

  /**
   * Counts one request.
   * @returns the header fields that tell how many are left in the window that is nearest to its end
   * @throws RateLimitError `rate_limit_exceeded`, with the time until the next is allowed
   */
  async admit(allowance: RequestAllowance): Promise<HeaderFields> {
    let tightest: HeaderFields = {};
    let fewest = Number.POSITIVE_INFINITY;
    for (const { limit, limiter } of this.#windowsOf(allowance)) {
      const outcome = await consume(limiter, allowance.name);
      const headers = limitHeaders(limit, outcome);
      if (outcome.consumedPoints > limit) {
        throw apiError('rate_limit_exceeded', `this API key's limit of ${limit} requests is reached`, {
          headers,
          retryAfterMs: Math.max(outcome.msBeforeNext, 1),
        });
      }
      if (outcome.remainingPoints < fewest) {
        fewest = outcome.remainingPoints;
        tightest = headers;
      }
    }
    return tightest;
  }

  #windowsOf({ name, requestsPerMinute, requestsPerDay }: RequestAllowance): readonly Window[] {
    const known = this.#windows.get(name);
    if (known !== undefined) return known;
    const windows: Window[] = [];
    const add = (kind: string, limit: number | undefined, duration: number): void => {
      if (limit === undefined) return;
      windows.push({ limit, limiter: this.#makeLimiter({ keyPrefix: `${kind}:${name}`, points: limit, duration }) });
    };
    add('minute', requestsPerMinute, MINUTE_SECONDS);
    add('day', requestsPerDay, DAY_SECONDS);
    this.#windows.set(name, windows);
    return windows;
  }
}

/** The limiter rejects with its result where the limit is reached, and with an error where it broke. */
async function consume(limiter: RateLimiterAbstract, name: string): Promise<RateLimiterRes> {
  try {
    return await limiter.consume(name);
  } catch (outcome) {
    if (outcome instanceof RateLimiterRes) return outcome;
    throw outcome;
  }
}

function limitHeaders(limit: number, outcome: RateLimiterRes): HeaderFields {
  const remaining = String(Math.max(outcome.remainingPoints, 0));
  return {
    'x-ratelimit-limit': String(limit),
    'x-ratelimit-remaining': remaining,
    'x-ratelimit-reset': String(Math.ceil((Date.now() + outcome.msBeforeNext) / 1000)),
    'x-ratelimit-limit-requests': String(limit),
    'x-ratelimit-remaining-requests': remaining,
    'x-ratelimit-reset-requests': `${Math.ceil(outcome.msBeforeNext / 1000)}s`,
  };
}
