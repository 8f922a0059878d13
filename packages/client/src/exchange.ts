import type { SecurityTier } from '@sotto/protocol';
import type { ChatCompletionChunk } from './chat-completion.ts';
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
  /** How to stream, where the protocol can: OpenAI's `stream_options`. */
  readonly streamOptions: unknown;
  /** Header fields of the caller's own, names in lower case: inside the ciphertext with ohttp, outside with nomyo-v1. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The answer's status and header fields: authenticated with ohttp, anybody's with nomyo-v1. */
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

/** An answer as it is made. */
export interface ExchangeStream {
  /** Read once, while the exchange goes on. Its end is the answer's end: one that was cut off throws. */
  readonly chunks: AsyncIterable<ChatCompletionChunk>;
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
  /**
   * The same for a stream; resolves when the answer begins.
   * @param signal ends the reading of the stream too
   */
  attemptStream(request: ExchangeRequest, signal: AbortSignal): Promise<ExchangeStream>;
}
