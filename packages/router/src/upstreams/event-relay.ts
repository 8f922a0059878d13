import { type APIError, apiError, errorBody } from '@sotto/protocol';
import type { HeaderFields, ResponseSink } from '../http/exchange.ts';
import { EventStreamWatch } from './event-stream-watch.ts';
import type { UpstreamCall } from './upstream.ts';

const DONE_EVENT = Buffer.from('data: [DONE]\n\n');

/** Passes an upstream's event stream on: the bytes as they come, as fast as the reader takes them, and an honest end. */
export class EventRelay {
  readonly #sink: ResponseSink;
  readonly #watch = new EventStreamWatch();
  readonly #call: UpstreamCall | null;

  /** Sends the head of the answer. */
  constructor(sink: ResponseSink, call: UpstreamCall | null, headers: HeaderFields) {
    this.#sink = sink;
    this.#call = call;
    sink.onDrain(() => call?.resume());
    sink.head(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      // Proxies that buffer would hold every token until the end.
      'x-accel-buffering': 'no',
      ...headers,
    });
  }

  write(chunk: Uint8Array): void {
    this.#watch.see(chunk);
    if (!this.#sink.write(chunk)) this.#call?.pause();
  }

  /** The upstream ended its stream. Without a finish reason and `[DONE]` it broke off, whatever its socket says. */
  end(): void {
    if (!this.#watch.done && !this.#watch.finished) {
      this.fail(apiError('upstream_failed', 'the model server ended its stream before the answer was finished'));
      return;
    }
    if (!this.#watch.done) this.#sink.write(DONE_EVENT);
    this.#sink.end();
  }

  /** Ends the stream with an error event, so that nobody takes half an answer for a whole one. */
  fail(error: APIError): void {
    // A blank line first: the upstream may have broken off in the middle of an event.
    this.#sink.write(Buffer.from(`\n\ndata: ${JSON.stringify(errorBody(error))}\n\n`));
    this.#sink.abort();
  }
}
