import { type APIError, apiError, type SecurityTier } from '@sotto/protocol';
import type { HeaderFields, ResponseSink } from '../http/exchange.ts';
import { Attempt } from './attempt.ts';
import type { Candidate } from './candidates.ts';
import type { TokenUsage } from './token-usage.ts';
import type { UpstreamCall } from './upstream.ts';
import { isWorthFailover } from './upstream-error.ts';

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
  /** Writes a good answer anew where the upstream did not give it the form that was asked for; null: as it is. */
  readonly rewrite?: (answer: Readonly<Record<string, unknown>>) => Uint8Array | null;
}

/** How a forwarded request ended once something of an answer had been sent, or its caller had gone. */
export interface Forwarded {
  readonly outcome: 'answered' | 'failed' | 'cancelled';
  /** As the upstream said; null where it did not come to that. */
  readonly usage: TokenUsage | null;
  /** Who answered; null where nobody had been asked. */
  readonly candidate: Candidate | null;
  /** Events of a stream that were passed on. */
  readonly events: number;
}

/** What an attempt comes to: the request's end, or an error while nothing has been sent. */
export type AttemptOutcome = Forwarded | APIError;

/** Each may wait in its upstream's line: more of them would keep a caller waiting for minutes. */
const MAX_ATTEMPTS = 3;

/**
 * Forwards a request and passes the answer on. Goes to the next candidate while nothing has been sent and the
 * failure is not the caller's; never after the first byte. When the caller goes away, so does the request.
 * @throws the last candidate's error, where nothing has been sent
 */
export async function forward(sink: ResponseSink, request: ForwardedRequest): Promise<Forwarded> {
  let attempt: Attempt | null = null;
  let gone = false;
  sink.onClose(() => {
    gone = true;
    attempt?.cancel();
  });
  let failure: APIError | null = null;
  for (const candidate of request.candidates.slice(0, MAX_ATTEMPTS)) {
    if (gone) return { outcome: 'cancelled', usage: null, candidate: null, events: 0 };
    const outcome = await new Promise<AttemptOutcome>((settle) => {
      attempt = new Attempt(sink, request, candidate, settle);
      const call: UpstreamCall = candidate.upstream.start(
        {
          method: 'POST',
          path: request.path,
          body: request.body(candidate),
          stream: request.stream,
          tier: request.tier,
        },
        attempt,
      );
      attempt.call = call;
    });
    if (!(outcome instanceof Error)) return outcome;
    failure = outcome;
    if (!isWorthFailover(outcome)) break;
  }
  // Made only where it is thrown: an error's stack costs a good request more than its JSON.
  throw failure ?? apiError('upstream_unavailable', 'no model server can take the request now');
}
