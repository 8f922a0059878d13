import type { HeaderFields } from '../http/exchange.ts';
import { durationText } from './duration-text.ts';

/** How much is left of a limit. */
export interface Allowance {
  readonly limit: number;
  readonly remaining: number;
  /** Until all of it is there again. */
  readonly resetMs: number;
}

/** Says how many requests are left: by the names that many gateways use, and by OpenAI's. */
export function requestHeaders({ limit, remaining, resetMs }: Allowance): HeaderFields {
  const limitText = String(limit);
  const remainingText = String(remaining);
  return {
    'x-ratelimit-limit': limitText,
    'x-ratelimit-remaining': remainingText,
    // Unix time in seconds.
    'x-ratelimit-reset': String(Math.ceil((Date.now() + resetMs) / 1_000)),
    'x-ratelimit-limit-requests': limitText,
    'x-ratelimit-remaining-requests': remainingText,
    'x-ratelimit-reset-requests': durationText(resetMs),
  };
}

/** Says how many tokens are left, by OpenAI's names. */
export function tokenHeaders({ limit, remaining, resetMs }: Allowance): HeaderFields {
  return {
    'x-ratelimit-limit-tokens': String(limit),
    'x-ratelimit-remaining-tokens': String(remaining),
    'x-ratelimit-reset-tokens': durationText(resetMs),
  };
}
