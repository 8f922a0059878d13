import type { HeaderOptions } from './outer-headers.ts';

/** What may differ from one request to the next. */
export interface RequestOptions {
  /** Ends the request at any stage: while keys are made or fetched, sending, reading, and between attempts. */
  readonly signal?: AbortSignal | null | undefined;
  /** Longest time for each attempt, in milliseconds. */
  readonly timeout?: number | undefined;
  /** How many further attempts a failed one may have. */
  readonly maxRetries?: number | undefined;
  /** Header fields over those of `defaultHeaders`; null takes one away. They travel in clear. */
  readonly headers?: HeaderOptions | undefined;
  /** Sent as `Idempotency-Key` with each attempt, for routers that know it. */
  readonly idempotencyKey?: string | undefined;
}
