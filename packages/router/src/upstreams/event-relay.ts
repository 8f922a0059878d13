import { Buffer } from 'node:buffer';
import { type APIError, apiError, errorBody } from '@sotto/protocol';
import type { HeaderFields, ResponseSink } from '../http/exchange.ts';
import { completeLength, EventStreamWatch, endsStream } from './event-stream-watch.ts';
import type { TokenUsage } from './token-usage.ts';
import type { UpstreamCall } from './upstream.ts';

const DONE_EVENT = Buffer.from('data: [DONE]\n\n');
/** Longest event: one that never ends must not fill the memory. */
const MAX_EVENT_BYTES = 4 * 1024 * 1024;
const HEAD: HeaderFields = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache',
  // Proxies that buffer would hold every token until the end.
  'x-accel-buffering': 'no',
};
const SOON = Promise.resolve();
const NOTHING = Buffer.alloc(0);
const LINE_FEED = 0x0a;

/**
 * Passes an upstream's event stream on: the bytes of each event as they come, as fast as the reader takes them, and
 * an honest end. What one read of the upstream's socket brings leaves in one write, in the same turn of the loop.
 */
export class EventRelay {
  readonly #sink: ResponseSink;
  readonly #watch: EventStreamWatch;
  readonly #call: UpstreamCall | null;
  readonly #onFail: (error: APIError) => void;
  readonly #onEvents: ((count: number) => void) | undefined;
  #waiting: Uint8Array[] = [];
  /** The beginning of an event whose end has not come. */
  #begun: Buffer = NOTHING;
  #over = false;

  /**
   * Sends the head of the answer.
   * @param onFail told once where the relay itself ends the stream, with an error event
   */
  constructor(
    sink: ResponseSink,
    call: UpstreamCall | null,
    options: {
      readonly headers: HeaderFields;
      readonly hidesUsage: boolean;
      readonly onFail: (error: APIError) => void;
      /** Told how many events have just passed. */
      readonly onEvents?: ((count: number) => void) | undefined;
    },
  ) {
    this.#sink = sink;
    this.#call = call;
    this.#watch = new EventStreamWatch(options.hidesUsage);
    this.#onFail = options.onFail;
    this.#onEvents = options.onEvents;
    sink.onDrain(() => call?.resume());
    sink.preset(options.headers);
    sink.head(200, HEAD);
  }

  /** What the stream said of its tokens. */
  get usage(): TokenUsage | null {
    return this.#watch.usage;
  }

  /** Events that have passed. */
  get events(): number {
    return this.#watch.events;
  }

  write(chunk: Uint8Array): void {
    // A promise's job: queueMicrotask makes a resource for the tracing of each.
    if (this.#waiting.push(chunk) === 1) void SOON.then(() => this.#flush());
  }

  /** The upstream ended its stream. Without a finish reason and `[DONE]` it broke off, whatever its socket says. */
  end(): void {
    this.#flush();
    if (this.#over) return;
    // Some servers leave out the last blank line. What is not even a whole line is half an event: nobody shall read it.
    if (this.#begun.at(-1) === LINE_FEED || endsStream(this.#begun)) this.#pass(this.#begun);
    if (!this.#watch.done && !this.#watch.finished) {
      this.fail(apiError('upstream_failed', 'the model server ended its stream before the answer was finished'));
      return;
    }
    this.#over = true;
    if (!this.#watch.done) this.#sink.write(DONE_EVENT);
    this.#sink.end();
  }

  /** Ends the stream with an error event, so that nobody takes half an answer for a whole one. */
  fail(error: APIError): void {
    this.#flush();
    if (this.#over) return;
    this.#over = true;
    this.#sink.write(Buffer.from(`data: ${JSON.stringify(errorBody(error))}\n\n`));
    this.#sink.abort();
    this.#onFail(error);
  }

  #flush(): void {
    const [only] = this.#waiting;
    if (only === undefined || this.#over) return;
    const came = this.#waiting.length === 1 && this.#begun.length === 0 ? view(only) : this.#joined();
    this.#waiting = [];
    const length = completeLength(came);
    this.#begun = length === came.length ? NOTHING : came.subarray(length);
    if (length > 0) this.#pass(length === came.length ? came : came.subarray(0, length));
    if (this.#begun.length > MAX_EVENT_BYTES) {
      this.fail(apiError('upstream_invalid_response', 'the model server sent an event without end'));
      this.#call?.cancel();
    }
  }

  #joined(): Buffer {
    return Buffer.concat([this.#begun, ...this.#waiting]);
  }

  #pass(events: Buffer): void {
    const before = this.#watch.events;
    const passed = this.#watch.see(events);
    if (passed.length > 0 && !this.#sink.write(passed)) this.#call?.pause();
    this.#onEvents?.(this.#watch.events - before);
  }
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
