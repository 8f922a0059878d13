import { type APIError, apiError } from '@sotto/protocol';
import type { ResponseSink } from '../http/exchange.ts';
import { Attempt } from './attempt.ts';
import type { AttemptOutcome, Forwarded, ForwardedRequest } from './forwarded.ts';
import type { UpstreamCall } from './upstream.ts';
import { isWorthFailover } from './upstream-error.ts';

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
    if (gone) return { outcome: 'cancelled', failure: null, usage: null, candidate: null, events: 0 };
    const outcome = await new Promise<AttemptOutcome>((settle) => {
      attempt = new Attempt(sink, request, candidate, settle);
      const call: UpstreamCall = candidate.upstream.start(
        {
          method: 'POST',
          path: request.path,
          body: request.body(candidate),
          stream: request.stream,
          tier: request.tier,
          traceparent: request.traceparent,
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
