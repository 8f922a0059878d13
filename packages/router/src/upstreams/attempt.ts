import { type APIError, apiError } from '@sotto/protocol';
import { sendBytes } from '../http/answer.ts';
import type { HeaderFields, ResponseSink } from '../http/exchange.ts';
import { jsonObjectOf } from '../http/json-object.ts';
import { BoundedBody } from './bounded-body.ts';
import type { Candidate } from './candidates.ts';
import { EventRelay } from './event-relay.ts';
import type { AttemptOutcome, Forwarded, ForwardedRequest } from './forwarded.ts';
import { readTokenUsage, type TokenUsage } from './token-usage.ts';
import type { UpstreamCall, UpstreamListener } from './upstream.ts';
import { MAX_ERROR_BYTES, upstreamError } from './upstream-error.ts';

const HEAD: HeaderFields = { 'content-type': 'application/json' };

/** One candidate's turn. Settles once: with how the request ended, or with an error while nothing has been sent. */
export class Attempt implements UpstreamListener {
  call: UpstreamCall | null = null;
  readonly #sink: ResponseSink;
  readonly #request: ForwardedRequest;
  readonly #candidate: Candidate;
  readonly #settle: (outcome: AttemptOutcome) => void;
  #status = 0;
  #headers: HeaderFields = {};
  #body: BoundedBody | null = null;
  #relay: EventRelay | null = null;

  constructor(
    sink: ResponseSink,
    request: ForwardedRequest,
    candidate: Candidate,
    settle: (outcome: AttemptOutcome) => void,
  ) {
    this.#sink = sink;
    this.#request = request;
    this.#candidate = candidate;
    this.#settle = settle;
  }

  /** The caller has gone. */
  cancel(): void {
    this.call?.cancel();
    this.#settle(this.#ended('cancelled', this.#relay?.usage ?? null));
  }

  onHead(status: number, headers: HeaderFields): void {
    this.#status = status;
    this.#headers = headers;
    const isEventStream = headers['content-type']?.startsWith('text/event-stream') ?? false;
    if (status !== 200 || !isEventStream) {
      this.#body = new BoundedBody(status === 200 ? this.#request.maxAnswerBytes : MAX_ERROR_BYTES);
      return;
    }
    if (!this.#request.stream) {
      this.#reject(
        apiError('upstream_invalid_response', 'the model server streamed an answer that was asked for in one piece'),
      );
      return;
    }
    this.#relay = new EventRelay(this.#sink, this.call, {
      headers: this.#request.answerHeaders(this.#candidate),
      hidesUsage: this.#request.hidesUsage,
      onEvents: this.#request.onEvents,
      onFail: (error) => {
        this.call?.reject?.(error.code ?? 'upstream_failed');
        this.#settle({ ...this.#ended('failed', this.#relay?.usage ?? null), failure: error.code });
      },
    });
  }

  onData(chunk: Uint8Array): void {
    if (this.#relay !== null) {
      this.#relay.write(chunk);
      return;
    }
    if (this.#body?.push(chunk) === false && this.#status === 200) {
      this.#reject(apiError('upstream_invalid_response', 'the model server answered at too great length'));
    }
  }

  onEnd(): void {
    if (this.#relay !== null) {
      this.#relay.end();
      this.#settle(this.#ended('answered', this.#relay.usage));
      return;
    }
    const body = this.#body?.bytes() ?? Buffer.alloc(0);
    if (this.#status !== 200) this.#settle(upstreamError(this.#status, this.#headers, body));
    else this.#answerWhole(body);
  }

  onError(error: APIError): void {
    if (this.#relay === null) this.#settle(error);
    else this.#relay.fail(error);
  }

  #answerWhole(body: Buffer): void {
    const value = this.#request.stream ? null : jsonObjectOf(body);
    if (value === null) {
      this.#reject(
        apiError('upstream_invalid_response', 'the model server answered with something else than was asked for'),
      );
      return;
    }
    this.#sink.preset(this.#request.answerHeaders(this.#candidate));
    sendBytes(this.#sink, 200, HEAD, this.#request.rewrite?.(value) ?? body);
    this.#settle(this.#ended('answered', readTokenUsage(value['usage'])));
  }

  #ended(outcome: Forwarded['outcome'], usage: TokenUsage | null): Forwarded {
    return { outcome, failure: null, usage, candidate: this.#candidate, events: this.#relay?.events ?? 0 };
  }

  /** What came is no good: the upstream is to blame, and is not to go on. */
  #reject(error: APIError): void {
    if (this.call?.reject === undefined) this.call?.cancel();
    else this.call.reject(error.code ?? 'upstream_invalid_response');
    this.#settle(error);
  }
}
