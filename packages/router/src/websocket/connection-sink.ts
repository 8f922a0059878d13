import { type APIError, errorBody } from '@sotto/protocol';
import { asApiError } from '../http/answer.ts';
import type { HeaderFields, ResponseSink } from '../http/exchange.ts';
import type { Outbox } from './outbox.ts';

/** Which request of a connection a sink answers. */
export interface SinkOptions {
  readonly outbox: Outbox;
  /** The client's own name of it; null where it gave none. */
  readonly requestId: string | null;
  /** Told once when the request is over, before its last message leaves: the client may send the next at once. */
  readonly onOver: (sink: ConnectionSink) => void;
}

/** An error as a message. */
export function errorMessage(error: APIError, requestId: string | null): Record<string, unknown> {
  return { ...errorBody(error), ...(requestId === null ? {} : { request_id: requestId }) };
}

/** A sink among several on one connection: what an answer's chunks become, its subclasses say. */
export abstract class ConnectionSink implements ResponseSink {
  status: number | undefined;
  protected readonly options: SinkOptions;
  readonly #room = (): void => this.#drain();
  readonly #closeListeners: (() => void)[] = [];
  #drain: () => void = () => {};
  #began = false;
  #over = false;
  #left = false;

  constructor(options: SinkOptions) {
    this.options = options;
  }

  /** Whether nothing more is to be sent. */
  protected get isOver(): boolean {
    return this.#over;
  }

  protected abstract begin(status: number, headers: HeaderFields): void;
  protected abstract take(chunk: Uint8Array): void;
  protected abstract complete(): void;
  protected abstract breakOff(): void;

  preset(): void {
    // Messages have no header fields.
  }

  head(status: number, headers: HeaderFields): void {
    if (this.#began) return;
    this.#began = true;
    this.status = status;
    this.begin(status, headers);
  }

  write(chunk: Uint8Array): boolean {
    if (this.#over) return true;
    try {
      this.take(chunk);
    } catch (error) {
      this.#tellWriter();
      this.finish(errorMessage(asApiError(error), this.options.requestId));
      return true;
    }
    // An answer that is over is never held back: nobody would let it go on once the connection is gone.
    if (this.#over || !this.options.outbox.isFull) return true;
    this.options.outbox.onRoom(this.#room);
    return false;
  }

  end(): void {
    if (!this.#over) this.complete();
  }

  abort(): void {
    if (!this.#over) this.breakOff();
  }

  onDrain(listener: () => void): void {
    this.#drain = listener;
  }

  onClose(listener: () => void): void {
    if (this.#left) listener();
    else this.#closeListeners.push(listener);
  }

  /** Ends the request because its client gave it up or is gone: whoever writes the answer stops. */
  leave(): void {
    if (this.#over) return;
    this.#tellWriter();
    this.close();
  }

  /** Ends the answer with one last message. */
  protected finish(message: Record<string, unknown> | string): void {
    this.close();
    this.options.outbox.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Ends the answer without a word more. */
  protected close(): void {
    this.#over = true;
    this.options.outbox.forget(this.#room);
    this.options.onOver(this);
    // The writer may have been told to wait: what is still to come is thrown away.
    if (!this.#left) this.#drain();
  }

  #tellWriter(): void {
    this.#left = true;
    // What the writer says to that is not sent.
    this.#over = true;
    for (const listener of this.#closeListeners) listener();
  }
}
