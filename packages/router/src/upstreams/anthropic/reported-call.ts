import { Buffer } from 'node:buffer';
import { type APIError, errorBody } from '@sotto/protocol';
import type { HeaderFields } from '../../http/exchange.ts';
import type { UpstreamCall, UpstreamListener } from '../upstream.ts';

/** A call whose answer is made here. Nothing is reported once it is over. */
export abstract class ReportedCall implements UpstreamCall {
  readonly #listener: UpstreamListener;
  #isOver = false;

  constructor(listener: UpstreamListener) {
    this.#listener = listener;
  }

  /** Whether nothing more will be reported. */
  get isOver(): boolean {
    return this.#isOver;
  }

  abstract pause(): void;
  abstract resume(): void;

  cancel(): void {
    this.#isOver = true;
  }

  protected head(status: number, headers: HeaderFields): void {
    if (!this.#isOver) this.#listener.onHead(status, headers);
  }

  protected data(chunk: Uint8Array): void {
    if (!this.#isOver) this.#listener.onData(chunk);
  }

  protected end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.onEnd();
  }

  protected fail(error: APIError): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.onError(error);
  }

  /** A whole answer of JSON. */
  protected answerJson(status: number, value: unknown, headers: HeaderFields = {}): void {
    this.head(status, { ...headers, 'content-type': 'application/json' });
    this.data(Buffer.from(JSON.stringify(value)));
    this.end();
  }
}

/** A call that is answered with an error which the caller can mend, and never sent. */
export class RefusedCall extends ReportedCall {
  constructor(listener: UpstreamListener, error: APIError) {
    super(listener);
    // Not before the caller has the call in hand.
    queueMicrotask(() => this.answerJson(error.status, errorBody(error)));
  }

  pause(): void {
    // one small answer
  }

  resume(): void {
    // one small answer
  }
}
