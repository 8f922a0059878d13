import type { HeaderFields, ResponseSink } from './exchange.ts';

/** An answer that has been collected whole. */
export interface CollectedAnswer {
  readonly status: number;
  readonly headers: HeaderFields;
  readonly body: Uint8Array;
  /** False when the answer was aborted. */
  readonly complete: boolean;
}

/** A sink that keeps the whole answer: for doors that seal it in one piece, and for tests. */
export class CollectingSink implements ResponseSink {
  /** Settles when the answer is over; never rejects. */
  readonly answer: Promise<CollectedAnswer>;
  readonly #settle: (answer: CollectedAnswer) => void;
  readonly #chunks: Uint8Array[] = [];
  readonly #closeListeners: (() => void)[] = [];
  #preset: HeaderFields = {};
  #head: { readonly status: number; readonly headers: HeaderFields } | null = null;
  #closed = false;
  #over = false;

  constructor() {
    let settle: (answer: CollectedAnswer) => void = () => {};
    this.answer = new Promise((resolve) => {
      settle = resolve;
    });
    this.#settle = settle;
  }

  get status(): number | undefined {
    return this.#head?.status;
  }

  /** Tells the writer that the reader has gone; the answer settles as incomplete. */
  close(): void {
    if (this.#closed || this.#over) return;
    this.#closed = true;
    for (const listener of this.#closeListeners) listener();
    // Whoever writes stops without an end: whoever waits for the answer must not wait for ever.
    this.#finish(false);
  }

  preset(headers: HeaderFields): void {
    this.#preset = { ...this.#preset, ...headers };
  }

  head(status: number, headers: HeaderFields): void {
    this.#head ??= { status, headers: { ...this.#preset, ...headers } };
  }

  write(chunk: Uint8Array): boolean {
    if (!this.#over) this.#chunks.push(chunk);
    return true;
  }

  end(): void {
    this.#finish(true);
  }

  abort(): void {
    this.#finish(false);
  }

  onDrain(): void {
    // never full
  }

  onClose(listener: () => void): void {
    if (this.#closed) listener();
    else this.#closeListeners.push(listener);
  }

  #finish(complete: boolean): void {
    if (this.#over) return;
    this.#over = true;
    const { status, headers } = this.#head ?? { status: 500, headers: {} };
    const [only] = this.#chunks;
    const body = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks);
    this.#settle({ status, headers, body, complete });
  }
}
