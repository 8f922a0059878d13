import type { APIError, SecurityTier } from '@sotto/protocol';
import type { HeaderFields } from '../http/exchange.ts';

/**
 * Where an upstream runs, as the answer tells the caller: in the router's own process or machine, in the operator's
 * network, or at somebody else's. And of one elsewhere, what vouches for it: `attested` is another Sotto router whose
 * evidence was verified, `sealed` one whose signer is pinned; `pinned` is a server whose TLS key is.
 */
export const UPSTREAM_CLASSES = ['builtin', 'same-tee', 'loopback', 'remote', 'pinned', 'sealed', 'attested'] as const;
export type UpstreamClass = (typeof UPSTREAM_CLASSES)[number];

/** A request as an upstream gets it. */
export interface UpstreamRequest {
  readonly method: 'GET' | 'POST';
  /** Below the upstream's base URL: `/chat/completions`, `/models`. */
  readonly path: string;
  /** JSON, or null for GET. */
  readonly body: Uint8Array | null;
  /** Whether the caller asked for a stream of events. */
  readonly stream: boolean;
  /** The tier of the request that it serves; absent from the router's own questions. */
  readonly tier?: SecurityTier;
  /** What the upstream is told of the trace (W3C Trace Context §3.2); absent where it is told nothing. */
  readonly traceparent?: string | undefined;
}

/**
 * What an upstream reports. Either `onHead`, then any number of `onData`, then `onEnd`; or `onError` at any moment
 * instead of what would have come. Nothing follows `onEnd` or `onError`.
 */
export interface UpstreamListener {
  onHead(status: number, headers: HeaderFields): void;
  onData(chunk: Uint8Array): void;
  onEnd(): void;
  /** No answer, a broken one, or a time-out. */
  onError(error: APIError): void;
  /** The request is sent once more, over another connection: the one it was sent over had been closed. */
  onResend?(): void;
}

/** A request under way. */
export interface UpstreamCall {
  /** Stops `onData` until {@link UpstreamCall.resume}. */
  pause(): void;
  resume(): void;
  /** Ends the call; nothing is reported any more. */
  cancel(): void;
  /**
   * Ends the call because its answer is no good, up to and within `onEnd`: the failure counts against the upstream.
   * @param code the error code that the answer comes to
   */
  reject?(code: string): void;
}

/** One model server. */
export interface Upstream {
  readonly name: string;
  /** The highest tier it is fit for. */
  readonly tier: SecurityTier;
  readonly class: UpstreamClass;
  /**
   * Whether it has just failed to prove what a tier asks for: it is then no candidate at that tier. Absent where
   * nothing is to be proved.
   */
  lacksProof?(tier: SecurityTier): boolean;
  /** Begins a request; reports to `listener`, never before this returns. */
  start(request: UpstreamRequest, listener: UpstreamListener): UpstreamCall;
  /** Lets go of sockets, memory and threads. Calls under way are ended with an error. */
  close(): Promise<void>;
}
