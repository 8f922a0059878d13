import type { HeaderFields, ResponseSink } from '../../src/http/exchange.ts';

/** A sink that remembers what was done to it, and is full when a test says so. */
export class RecordingSink implements ResponseSink {
  status = 0;
  headers: HeaderFields = {};
  readonly writes: Uint8Array[] = [];
  outcome: 'open' | 'ended' | 'aborted' = 'open';
  full = false;
  #drain: () => void = () => {};
  readonly #closeListeners: (() => void)[] = [];

  preset(headers: HeaderFields): void {
    this.headers = { ...this.headers, ...headers };
  }

  head(status: number, headers: HeaderFields): void {
    this.status = status;
    this.headers = { ...this.headers, ...headers };
  }

  write(chunk: Uint8Array): boolean {
    this.writes.push(Uint8Array.from(chunk));
    return !this.full;
  }

  end(): void {
    this.outcome = 'ended';
  }

  abort(): void {
    this.outcome = 'aborted';
  }

  onDrain(listener: () => void): void {
    this.#drain = listener;
  }

  onClose(listener: () => void): void {
    this.#closeListeners.push(listener);
  }

  /** The reader has caught up. */
  drained(): void {
    this.full = false;
    this.#drain();
  }

  /** The reader has gone. */
  close(): void {
    for (const listener of this.#closeListeners) listener();
  }

  /** All that was written. */
  get body(): Buffer {
    return Buffer.concat(this.writes);
  }
}
