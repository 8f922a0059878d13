import { type APIError, apiError } from '@sotto/protocol';
import { sendBytes } from '../http/answer.ts';
import type { HeaderFields, ResponseSink } from '../http/exchange.ts';
import type { Candidate } from './candidates.ts';
import { EventRelay } from './event-relay.ts';
import type { UpstreamCall, UpstreamListener } from './upstream.ts';
import { isWorthFailover, MAX_ERROR_BYTES, upstreamError } from './upstream-error.ts';

/** A request to be answered by the first candidate that can. */
export interface ForwardedRequest {
  /** In the order to try. */
  readonly candidates: readonly Candidate[];
  readonly path: string;
  /** The request's JSON for a candidate, which may know the model by another name. */
  body(candidate: Candidate): Uint8Array;
  readonly stream: boolean;
  /** Longest unstreamed answer. */
  readonly maxAnswerBytes: number;
  /** Header fields for the answer that say who gave it. */
  answerHeaders(candidate: Candidate): HeaderFields;
}

/**
 * Forwards a request and passes the answer on. Goes to the next candidate while nothing has been sent and the
 * failure is not the caller's; never after the first byte. When the caller goes away, so does the request.
 * @throws the last candidate's error, where nothing has been sent
 */
export async function forward(sink: ResponseSink, request: ForwardedRequest): Promise<void> {
  let gone = false;
  let call: UpstreamCall | null = null;
  sink.onClose(() => {
    gone = true;
    call?.cancel();
  });
  let failure: APIError | null = null;
  for (const candidate of request.candidates) {
    if (gone) return;
    const outcome = await new Promise<APIError | null>((settle) => {
      const attempt = new Attempt(sink, request, candidate, settle);
      sink.onClose(() => settle(null));
      call = candidate.upstream.start(
        { method: 'POST', path: request.path, body: request.body(candidate), stream: request.stream },
        attempt,
      );
      attempt.call = call;
    });
    if (outcome === null) return;
    failure = outcome;
    if (!isWorthFailover(outcome)) break;
  }
  throw failure ?? apiError('upstream_unavailable', 'no model server can take the request now');
}

/** One candidate's turn. Settles with null once the answer is over, or with an error while nothing has been sent. */
class Attempt implements UpstreamListener {
  call: UpstreamCall | null = null;
  readonly #sink: ResponseSink;
  readonly #request: ForwardedRequest;
  readonly #candidate: Candidate;
  readonly #settle: (failure: APIError | null) => void;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;
  #status = 0;
  #headers: HeaderFields = {};
  #relay: EventRelay | null = null;

  constructor(
    sink: ResponseSink,
    request: ForwardedRequest,
    candidate: Candidate,
    settle: (failure: APIError | null) => void,
  ) {
    this.#sink = sink;
    this.#request = request;
    this.#candidate = candidate;
    this.#settle = settle;
  }

  onHead(status: number, headers: HeaderFields): void {
    this.#status = status;
    this.#headers = headers;
    const isEventStream = headers['content-type']?.startsWith('text/event-stream') ?? false;
    if (status !== 200 || !isEventStream) return;
    if (!this.#request.stream) {
      this.#fail(
        apiError('upstream_invalid_response', 'the model server streamed an answer that was asked for in one piece'),
      );
      return;
    }
    this.#relay = new EventRelay(this.#sink, this.call, this.#request.answerHeaders(this.#candidate));
  }

  onData(chunk: Uint8Array): void {
    if (this.#relay !== null) {
      this.#relay.write(chunk);
      return;
    }
    this.#length += chunk.length;
    if (this.#length <= (this.#status === 200 ? this.#request.maxAnswerBytes : MAX_ERROR_BYTES)) {
      this.#chunks.push(chunk);
    } else if (this.#status === 200) {
      this.#fail(apiError('upstream_invalid_response', 'the model server answered at too great length'));
    }
  }

  onEnd(): void {
    if (this.#relay !== null) {
      this.#relay.end();
      this.#settle(null);
      return;
    }
    const [only] = this.#chunks;
    const body = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks);
    if (this.#status !== 200) this.#settle(upstreamError(this.#status, this.#headers, body));
    else if (this.#request.stream || !isJsonObject(body)) {
      this.#settle(
        apiError('upstream_invalid_response', 'the model server answered with something else than was asked for'),
      );
    } else {
      const headers = { 'content-type': 'application/json', ...this.#request.answerHeaders(this.#candidate) };
      sendBytes(this.#sink, 200, headers, body);
      this.#settle(null);
    }
  }

  onError(error: APIError): void {
    if (this.#relay === null) {
      this.#settle(error);
      return;
    }
    this.#relay.fail(error);
    this.#settle(null);
  }

  #fail(error: APIError): void {
    this.call?.cancel();
    this.#settle(error);
  }
}

function isJsonObject(body: Uint8Array): boolean {
  try {
    const value: unknown = JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
