import type { Awaitable } from '@sotto/protocol';
import { encodeContent, encodeEnd, encodeResponseHead } from '@sotto/protocol/bhttp';
import { type ChunkSealer, OHTTP_CHUNKED_RESPONSE_MEDIA_TYPE, paddingFor } from '@sotto/protocol/ohttp';
import type { CryptoClock } from '../../http/crypto-clock.ts';
import type { HeaderFields, ResponseSink } from '../../http/exchange.ts';

const SOON = Promise.resolve();

/** Fields that describe a connection or a length that the ciphertext does not have. */
const LEFT_OUT = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding']);

/** How an answer is sealed. */
export interface SealingOptions {
  /** How long events are gathered, by the inner answer's header fields; 0 for not at all. */
  readonly coalesceMs: (headers: HeaderFields) => number;
  /** Told how long each chunk takes. */
  readonly timed: CryptoClock;
}

/**
 * Seals an answer on its way out. Of a stream each write is a chunk in the same turn of the loop, unless chunks are to
 * be gathered for a while; an answer in one piece is sealed with its padding, so that no boundary of a chunk shows
 * where it ends. The end is an empty chunk of its own; an aborted answer has none, which its reader notices.
 */
export class SealingSink implements ResponseSink {
  status: number | undefined;
  readonly #outer: ResponseSink;
  readonly #sealer: ChunkSealer;
  readonly #coalesceMs: (headers: HeaderFields) => number;
  readonly #timed: CryptoClock;
  #preset: HeaderFields = {};
  /** Plaintext that has not been sealed yet: a head that waits for its first content, or events gathered. */
  #held: Uint8Array[] = [];
  #timer: NodeJS.Timeout | null = null;
  #gatherMs = 0;
  /** Whether the answer's length was known at its head. */
  #inOnePiece = false;
  /** Whether the reader has yet to catch up. */
  #full = false;
  #plaintextBytes = 0;
  #state: 'fresh' | 'open' | 'over' = 'fresh';

  constructor(outer: ResponseSink, sealer: ChunkSealer, options: SealingOptions) {
    this.#outer = outer;
    this.#sealer = sealer;
    this.#coalesceMs = options.coalesceMs;
    this.#timed = options.timed;
  }

  preset(headers: HeaderFields): void {
    this.#preset = { ...this.#preset, ...headers };
  }

  head(status: number, headers: HeaderFields): void {
    if (this.#state !== 'fresh') return;
    this.#state = 'open';
    this.status = status;
    const all = { ...this.#preset, ...headers };
    this.#gatherMs = this.#coalesceMs(all);
    this.#inOnePiece = 'content-length' in all;
    const fields = Object.entries(all).filter(([name]) => !LEFT_OUT.has(name));
    this.#outer.head(200, {
      'content-type': OHTTP_CHUNKED_RESPONSE_MEDIA_TYPE,
      'cache-control': 'no-store',
      incremental: '?1',
      'x-accel-buffering': 'no',
    });
    this.#outer.write(this.#sealer.preface);
    this.#hold(encodeResponseHead({ status, headers: fields }));
    // Content that comes in this very turn shares the head's chunk.
    void SOON.then(() => this.#flushInTime());
  }

  write(chunk: Uint8Array): boolean {
    if (this.#state !== 'open') return true;
    this.#hold(encodeContent(chunk));
    this.#flushInTime();
    return !this.#full;
  }

  end(): void {
    if (this.#state !== 'open') return;
    const terminator = encodeEnd();
    this.#hold(terminator);
    this.#hold(new Uint8Array(paddingFor(this.#plaintextBytes)));
    this.#flush();
    this.#state = 'over';
    this.#outer.write(ready(this.#sealer.finish()));
    this.#outer.end();
  }

  abort(): void {
    if (this.#state === 'over') return;
    const begun = this.#state === 'open';
    this.#flush();
    this.#state = 'over';
    // Once begun the outer message ends as messages do: what is missing is the final chunk, which no relay can add.
    if (begun) this.#outer.end();
    else this.#outer.abort();
  }

  onDrain(listener: () => void): void {
    this.#outer.onDrain(() => {
      this.#full = false;
      listener();
    });
  }

  onClose(listener: () => void): void {
    this.#outer.onClose(listener);
  }

  #hold(plaintext: Uint8Array): void {
    if (plaintext.length === 0) return;
    this.#held.push(plaintext);
    this.#plaintextBytes += plaintext.length;
  }

  #flushInTime(): void {
    if (this.#state !== 'open' || this.#inOnePiece) return;
    if (this.#gatherMs === 0) this.#flush();
    else this.#timer ??= setTimeout(() => this.#flush(), this.#gatherMs);
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const [only] = this.#held;
    if (only === undefined || this.#state === 'over') return;
    const plaintext = this.#held.length === 1 ? only : Buffer.concat(this.#held);
    this.#held = [];
    const beganMs = performance.now();
    const sealed = ready(this.#sealer.seal(plaintext));
    this.#timed('ohttp_seal', beganMs);
    this.#full = !this.#outer.write(sealed);
  }
}

/** The router's HPKE provider answers synchronously: that is what lets a chunk leave in the turn it came in. */
function ready(value: Awaitable<Uint8Array>): Uint8Array {
  if (value instanceof Promise) throw new TypeError('the router needs a synchronous HPKE provider');
  return value;
}
