import { apiError } from '@sotto/protocol';
import type { HeaderFields } from '../http/exchange.ts';
import { Counter } from './counter.ts';
import { type Allowance, requestHeaders } from './limit-headers.ts';
import { counterKind, type LimiterFactory, memoryLimiters } from './limiter-factory.ts';

/** How many requests somebody may send now; undefined means without limit. */
export interface RequestAllowance {
  /** Whom to count for: a virtual key's id. */
  readonly name: string;
  readonly requestsPerMinute: number | undefined;
  readonly requestsPerDay: number | undefined;
}

const MINUTE_SECONDS = 60;
const DAY_SECONDS = 86_400;
const NOTHING_TO_SAY: HeaderFields = Object.freeze({});

/** Counts requests in fixed windows that begin with the first request in them. */
export class RequestLimits {
  readonly #minute: Counter;
  readonly #day: Counter;

  constructor(makeLimiter: LimiterFactory = memoryLimiters) {
    this.#minute = new Counter(makeLimiter, counterKind('requests-minute', MINUTE_SECONDS));
    this.#day = new Counter(makeLimiter, counterKind('requests-day', DAY_SECONDS));
  }

  /**
   * Counts one request, against what its sender may send at this moment.
   * @returns the header fields that tell how many are left in the window that is nearest to its end
   * @throws RateLimitError `rate_limit_exceeded`, with the time until the next is allowed
   */
  admit(allowance: RequestAllowance): HeaderFields | Promise<HeaderFields> {
    if (allowance.requestsPerMinute === undefined && allowance.requestsPerDay === undefined) return NOTHING_TO_SAY;
    return this.#count(allowance);
  }

  async #count({ name, requestsPerMinute, requestsPerDay }: RequestAllowance): Promise<HeaderFields> {
    const minute = requestsPerMinute === undefined ? null : await countOne(this.#minute, name, requestsPerMinute);
    // What the minute refuses does not count for the day.
    const day = requestsPerDay === undefined ? null : await countOne(this.#day, name, requestsPerDay);
    const tightest = minute === null || (day !== null && day.remaining < minute.remaining) ? day : minute;
    return tightest === null ? NOTHING_TO_SAY : requestHeaders(tightest);
  }
}

async function countOne(counter: Counter, name: string, limit: number): Promise<Allowance> {
  const { total, resetMs } = await counter.add(name, 1);
  const allowance = { limit, remaining: Math.max(limit - total, 0), resetMs };
  if (total > limit) {
    throw apiError('rate_limit_exceeded', `this API key's limit of ${limit} requests is reached`, {
      headers: requestHeaders(allowance),
      retryAfterMs: resetMs,
    });
  }
  return allowance;
}
