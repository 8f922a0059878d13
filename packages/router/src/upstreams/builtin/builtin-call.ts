import { type APIError, apiError, encodeUtf8, errorBody } from '@sotto/protocol';
import type { HeaderFields } from '../../http/exchange.ts';
import type { UpstreamCall, UpstreamListener } from '../upstream.ts';

/** Bytes of an answer that are kept for a paused reader before the model waits for it. */
export const MAX_HELD_BYTES = 16_384;

const JSON_HEADERS: HeaderFields = { 'content-type': 'application/json' };

/**
 * One request under way: passes what the engine makes on to the listener, keeps a little while the reader is slow,
 * and says nothing once the call is over.
 */
export class BuiltinCall implements UpstreamCall {
  readonly #listener: UpstreamListener;
  readonly #stallTimeoutMs: number;
  readonly #onOver: () => void;
  readonly #abort = new AbortController();
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #paused = false;
  #ending = false;
  #wake: (() => void) | null = null;

  /**
   * @param stallTimeoutMs how long the model waits for a reader that takes nothing
   * @param onOver called once, when nothing more will be reported
   */
  constructor(listener: UpstreamListener, stallTimeoutMs: number, onOver: (call: BuiltinCall) => void) {
    this.#listener = listener;
    this.#stallTimeoutMs = stallTimeoutMs;
    this.#onOver = () => onOver(this);
  }

  /** Aborted once the call is over, however it ended. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get isOver(): boolean {
    return this.#abort.signal.aborted;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    while (!this.#paused && !this.isOver) {
      const chunk = this.#held.shift();
      if (chunk === undefined) break;
      this.#heldBytes -= chunk.length;
      this.#listener.onData(chunk);
    }
    if (this.#heldBytes < MAX_HELD_BYTES) this.#wake?.();
    if (this.#ending && this.#held.length === 0) this.end();
  }

  cancel(): void {
    this.#finish();
  }

  head(status: number, headers: HeaderFields): void {
    if (!this.isOver) this.#listener.onHead(status, headers);
  }

  data(chunk: Uint8Array): void {
    if (this.isOver) return;
    if (!this.#paused && this.#held.length === 0) {
      this.#listener.onData(chunk);
      return;
    }
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
  }

  /** Ends the answer, after what is still held. */
  end(): void {
    if (this.isOver) return;
    this.#ending = true;
    if (this.#held.length > 0) return;
    this.#finish();
    this.#listener.onEnd();
  }

  fail(error: APIError): void {
    if (this.isOver) return;
    this.#finish();
    this.#listener.onError(error);
  }

  /** A whole answer of JSON. */
  answerJson(status: number, value: unknown): void {
    this.head(status, JSON_HEADERS);
    this.data(encodeUtf8(JSON.stringify(value)));
    this.end();
  }

  /** An error is an answer when the caller can mend it, and a failure when only the router's side can. */
  refuse(error: APIError): void {
    if (error.status >= 500) this.fail(error);
    else this.answerJson(error.status, errorBody(error));
  }

  /**
   * Waits until the reader takes more, or the call is over. A reader that takes nothing for the stall timeout loses
   * its turn with `upstream_timeout`: there is one model, and others wait for it.
   */
  async writable(): Promise<void> {
    if (this.isOver || this.#heldBytes < MAX_HELD_BYTES) return;
    const stalled = setTimeout(() => {
      this.fail(apiError('upstream_timeout', `nothing of the answer was read for ${this.#stallTimeoutMs} ms`));
    }, this.#stallTimeoutMs);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = null;
    clearTimeout(stalled);
  }

  #finish(): void {
    if (this.isOver) return;
    this.#held = [];
    this.#heldBytes = 0;
    this.#abort.abort();
    this.#wake?.();
    this.#onOver();
  }
}
