import type { HeaderFields, ResponseSink } from '../../http/exchange.ts';

const SPACE = Uint8Array.of(0x20);
/** White space is sent at this interval once the first silence is over; clients give up after 60 s without a byte. */
const INTERVAL_MS = 10_000;

/**
 * Keeps a client waiting that gives up after a silence: JSON may begin with white space, so after a while the head
 * of a good answer goes out and then a space now and again. From then on an error can only cut the answer off.
 */
export class PatientAnswer {
  readonly #sink: ResponseSink;
  readonly #silenceMs: number;
  #timer: NodeJS.Timeout | undefined;
  #started = false;

  constructor(sink: ResponseSink, silenceMs: number) {
    this.#sink = sink;
    this.#silenceMs = silenceMs;
    sink.onClose(() => this.stop());
  }

  /** Whether the head of a 200 has gone out already. */
  get started(): boolean {
    return this.#started;
  }

  /** Begins to count the silence: once the request has come, for the client hears nothing while it sends. */
  start(): void {
    this.#timer = setTimeout(() => this.#begin(), this.#silenceMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Sends the answer: behind the white space, or with a head of its own. */
  send(body: Uint8Array, headers: HeaderFields): void {
    this.stop();
    if (!this.#started) this.#head({ ...headers, 'content-length': String(body.length) });
    this.#sink.write(body);
    this.#sink.end();
  }

  #head(headers: HeaderFields): void {
    this.#started = true;
    this.#sink.head(200, { 'content-type': 'application/octet-stream', ...headers });
  }

  #begin(): void {
    this.#head({});
    this.#sink.write(SPACE);
    this.#timer = setInterval(() => this.#sink.write(SPACE), INTERVAL_MS);
  }
}
