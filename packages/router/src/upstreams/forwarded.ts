import type { APIError, SecurityTier } from '@sotto/protocol';
import type { HeaderFields } from '../http/exchange.ts';
import type { Candidate } from './candidates.ts';
import type { TokenUsage } from './token-usage.ts';

/** A request to be answered by the first candidate that can. */
export interface ForwardedRequest {
  /** In the order to try. */
  readonly candidates: readonly Candidate[];
  readonly path: string;
  /** The request's tier, for upstreams that keep tiers themselves. */
  readonly tier: SecurityTier;
  /** The request's JSON for a candidate, which may know the model by another name. */
  body(candidate: Candidate): Uint8Array;
  readonly stream: boolean;
  /** Takes the event that tells nothing but the usage out of a stream. */
  readonly hidesUsage: boolean;
  /** Longest unstreamed answer. */
  readonly maxAnswerBytes: number;
  /** Header fields for the answer that say who gave it. */
  answerHeaders(candidate: Candidate): HeaderFields;
  /** What upstreams are told of the trace. */
  readonly traceparent?: string | undefined;
  /** Told how many events of a stream have just been passed on. */
  readonly onEvents?: (count: number) => void;
  /** Writes a good answer anew where the upstream did not give it the form that was asked for; null: as it is. */
  readonly rewrite?: (answer: Readonly<Record<string, unknown>>) => Uint8Array | null;
}

/** How a forwarded request ended once something of an answer had been sent, or its caller had gone. */
export interface Forwarded {
  readonly outcome: 'answered' | 'failed' | 'cancelled';
  /** The code of the error that a stream ended with; null where it ended well, or was cut off by its caller. */
  readonly failure: string | null;
  /** As the upstream said; null where it did not come to that. */
  readonly usage: TokenUsage | null;
  /** Who answered; null where nobody had been asked. */
  readonly candidate: Candidate | null;
  /** Events of a stream that were passed on. */
  readonly events: number;
}

/** What an attempt comes to: the request's end, or an error while nothing has been sent. */
export type AttemptOutcome = Forwarded | APIError;
