import { apiError } from '@sotto/protocol';
import type { HeaderFields } from '../http/exchange.ts';
import { Counter } from './counter.ts';
import { tokenHeaders } from './limit-headers.ts';
import { counterKind, type LimiterFactory, memoryLimiters } from './limiter-factory.ts';

const WINDOW_MS = 60_000;
/** Two windows: what is given back late still finds the count it was taken from. */
const KEPT_SECONDS = 120;

/** Tokens set aside for a request under way. */
export interface TokenReservation {
  readonly headers: HeaderFields;
  /**
   * Replaces what was set aside by what was used, 0 where nothing was. Called exactly once.
   * @throws the counter's own error, where it cannot be reached
   */
  settle(usedTokens: number): Promise<void>;
}

/**
 * Counts tokens in the minutes of the clock. A count is named by its minute, so that what a long answer gives back goes
 * to the minute it was taken from and never makes a later one larger. What an answer used beyond what was set aside is
 * counted in the minute in which that is known.
 */
export class TokenLimits {
  readonly #counter: Counter;

  constructor(makeLimiter: LimiterFactory = memoryLimiters) {
    this.#counter = new Counter(makeLimiter, counterKind('tokens-minute', KEPT_SECONDS));
  }

  /**
   * Sets tokens aside, all of them or none.
   * @param keyId whom to count for
   * @param limit tokens a minute that the key may use at this moment
   * @param tokens at most what the request may use
   * @throws RateLimitError `rate_limit_exceeded`, with the time until there are enough; without one, and with
   * `x-should-retry: false`, where there never will be
   */
  async reserve(keyId: string, limit: number, tokens: number): Promise<TokenReservation> {
    const minute = currentMinute();
    const name = countName(keyId, minute);
    // What is larger than the limit is not even counted: it would only be in the way of smaller ones.
    const tooLarge = tokens > limit;
    const { total } = await this.#counter.add(name, tooLarge ? 0 : tokens);
    const resetMs = Math.min(Math.max((minute + 1) * WINDOW_MS - Date.now(), 1), WINDOW_MS);
    if (tooLarge || total > limit) {
      const before = tooLarge ? total : total - tokens;
      if (!tooLarge) await this.#counter.takeBack(name, tokens);
      const headers = tokenHeaders({ limit, remaining: Math.max(limit - before, 0), resetMs });
      throw tooLarge ? tooLargeError(limit, tokens, headers) : limitReachedError(limit, tokens, headers, resetMs);
    }
    return {
      headers: tokenHeaders({ limit, remaining: limit - total, resetMs }),
      settle: (used) => this.#settle(keyId, minute, tokens, used),
    };
  }

  async #settle(keyId: string, minute: number, reserved: number, used: number): Promise<void> {
    if (used > reserved) await this.#counter.add(countName(keyId, currentMinute()), used - reserved);
    else if (used < reserved) await this.#counter.takeBack(countName(keyId, minute), reserved - used);
  }
}

function currentMinute(): number {
  return Math.floor(Date.now() / WINDOW_MS);
}

function countName(keyId: string, minute: number): string {
  return `${keyId}:${minute}`;
}

function limitReachedError(limit: number, tokens: number, headers: HeaderFields, retryAfterMs: number): Error {
  const message = `this API key's limit of ${limit} tokens a minute does not leave the ${tokens} this request may use`;
  return apiError('rate_limit_exceeded', message, { headers, retryAfterMs });
}

function tooLargeError(limit: number, tokens: number, headers: HeaderFields): Error {
  const message =
    `this request may use ${tokens} tokens, and this API key's limit is ${limit} a minute: ` +
    'shorten the prompt or ask for a lower max_tokens';
  // OpenAI's clients try a 429 again unless they are told not to.
  return apiError('rate_limit_exceeded', message, { headers: { ...headers, 'x-should-retry': 'false' } });
}
