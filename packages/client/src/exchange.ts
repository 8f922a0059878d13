import type { SecurityTier } from '@sotto/protocol';
import type { RouterUrl } from './router-url.ts';

/** A chat request, parted from what steers it. */
export interface ExchangeRequest {
  readonly router: RouterUrl;
  /** What is sealed: the chat request's own parameters. */
  readonly payload: Readonly<Record<string, unknown>>;
  /** Names the request to the router; not secret. */
  readonly payloadId: string;
  readonly tier: SecurityTier | null;
  readonly apiKey: string | null;
  /** Header fields outside the ciphertext, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The outer answer's status and header fields. Nobody has authenticated them. */
export interface ResponseInfo {
  readonly status: number;
  /** The router's id for the request, for support questions. */
  readonly requestId: string | null;
  readonly headers: Headers;
}

/** An answer that came out of the ciphertext. */
export interface ExchangeAnswer {
  /** The completion's JSON object, with `_metadata`. */
  readonly completion: Readonly<Record<string, unknown>>;
  readonly response: ResponseInfo;
}

/** One protocol's way to carry a chat request. A call is one attempt: everything in it is sealed anew. */
export interface Exchange {
  /**
   * @throws APIError for an error answer
   * @throws APIConnectionError where no answer came
   * @throws SecurityError where a promise of the protocol was broken
   */
  attempt(request: ExchangeRequest, signal: AbortSignal): Promise<ExchangeAnswer>;
}
