import { andThen, translateErrors } from '../awaitable.ts';
import { ByteQueue } from '../byte-queue.ts';
import type { Awaitable } from '../crypto-provider.ts';
import { ConfigurationError, SottoError } from '../errors.ts';
import { MAX_MESSAGES_PER_KEY } from '../hpke/nonce-sequence.ts';
import { TAG_BYTES } from '../hpke/suite.ts';
import {
  chunkTooLarge,
  decryptionFailed,
  type MessageKind,
  malformedMessage,
  messageLimitReached,
  truncatedMessage,
} from '../message-errors.ts';
import { CHUNK_AAD, FINAL_CHUNK_AAD } from './chunk-sealer.ts';
import { MAX_CHUNK_BYTES } from './constants.ts';

/** The opening end of a request's context or of a response's key. */
export interface ChunkOpeningKey {
  open(sealed: Uint8Array, aad: Uint8Array): Awaitable<Uint8Array>;
}

/** A part of fixed length before the first chunk, and what it leads to: another such part, or the key of the chunks. */
export interface Preface {
  readonly bytes: number;
  read(bytes: Uint8Array): Awaitable<Preface | ChunkOpeningKey>;
}

/** What a receiver takes. */
export interface ChunkOpenerOptions {
  /** The longest plaintext of a chunk, 16,384 by default and never less (draft-ietf-ohai-chunked-ohttp-08 §3). */
  readonly maxChunkBytes?: number;
  /** The most chunks of one message, at most and by default 2^32. */
  readonly maxChunks?: number;
}

type State = 'preface' | 'length' | 'chunk' | 'final' | 'finished' | 'failed';

/**
 * Opens a message in chunks (draft-ietf-ohai-chunked-ohttp-08 §6) as its bytes come, split anywhere. With a provider
 * that answers synchronously `push` and `finish` have called back when they return; otherwise wait for each of them
 * before calling the next.
 *
 * Each chunk is given out when its tag has verified, in order, and the last one at the end of the body: only when
 * `finish` has returned is the message complete.
 */
export class ChunkOpener {
  readonly #kind: MessageKind;
  readonly #onChunk: (plaintext: Uint8Array) => void;
  readonly #maxChunkBytes: number;
  readonly #maxChunks: number;
  readonly #queue = new ByteQueue();
  #state: State = 'preface';
  #preface: Preface;
  #key: ChunkOpeningKey | null = null;
  /** Sealed bytes of the chunk that is awaited. */
  #chunkLength = 0;
  #chunks = 0;
  #pending = false;

  constructor(
    kind: MessageKind,
    preface: Preface,
    onChunk: (plaintext: Uint8Array) => void,
    options: ChunkOpenerOptions = {},
  ) {
    this.#kind = kind;
    this.#preface = preface;
    this.#onChunk = onChunk;
    this.#maxChunkBytes = Math.max(options.maxChunkBytes ?? MAX_CHUNK_BYTES, MAX_CHUNK_BYTES);
    this.#maxChunks = Math.min(options.maxChunks ?? MAX_MESSAGES_PER_KEY, MAX_MESSAGES_PER_KEY);
  }

  /** Whether a chunk has been authenticated: until then whatever came may be anybody's. */
  get authenticated(): boolean {
    return this.#chunks > 0;
  }

  /** Takes the next bytes of the body; they must not be written to afterwards. See the classes that wrap this one. */
  push(bytes: Uint8Array): Awaitable<void> {
    this.#checkUsable();
    this.#queue.push(bytes);
    return this.#guard(() => this.#drain());
  }

  /** Ends the body. */
  finish(): Awaitable<void> {
    this.#checkUsable();
    return this.#guard(() => {
      if (this.#state !== 'final' || this.#key === null) throw truncatedMessage(this.#kind);
      if (this.#queue.length < TAG_BYTES) throw truncatedMessage(this.#kind);
      const sealed = this.#queue.take(this.#queue.length);
      return andThen(this.#open(this.#key, sealed, FINAL_CHUNK_AAD), (plaintext) => {
        this.#state = 'finished';
        if (plaintext.length > 0) this.#onChunk(plaintext);
      });
    });
  }

  /** Works until bytes are missing, a promise at a time where the provider gives promises. */
  #drain(): Awaitable<void> {
    for (;;) {
      const progress = this.#step();
      if (progress instanceof Promise) return progress.then((more) => (more ? this.#drain() : undefined));
      if (!progress) return undefined;
    }
  }

  /** @returns false where more bytes are needed */
  #step(): Awaitable<boolean> {
    switch (this.#state) {
      case 'preface':
        return this.#readPreface();
      case 'length':
        return this.#readLength();
      case 'chunk':
        return this.#readChunk();
      default:
        // The final chunk goes on to the end of the body: all that can be checked until then is its length.
        if (this.#queue.length > this.#maxChunkBytes + TAG_BYTES) throw chunkTooLarge(this.#kind, this.#maxChunkBytes);
        return false;
    }
  }

  #readPreface(): Awaitable<boolean> {
    if (this.#queue.length < this.#preface.bytes) return false;
    const bytes = this.#queue.take(this.#preface.bytes);
    return andThen(this.#preface.read(bytes), (next) => {
      if ('open' in next) {
        this.#key = next;
        this.#state = 'length';
      } else {
        this.#preface = next;
      }
      return true;
    });
  }

  #readLength(): boolean {
    const length = this.#queue.takeVarint();
    if (length === null) return false;
    if (length === 0) {
      this.#state = 'final';
      return true;
    }
    // Before a byte of the chunk is kept: 16,384 bytes of plaintext and no more, one byte and no less.
    if (length > this.#maxChunkBytes + TAG_BYTES) throw chunkTooLarge(this.#kind, this.#maxChunkBytes);
    if (length <= TAG_BYTES) throw malformedMessage(this.#kind, 'has an empty chunk that is not its last');
    this.#chunkLength = length;
    this.#state = 'chunk';
    return true;
  }

  #readChunk(): Awaitable<boolean> {
    if (this.#key === null || this.#queue.length < this.#chunkLength) return false;
    this.#state = 'length';
    return andThen(this.#open(this.#key, this.#queue.take(this.#chunkLength), CHUNK_AAD), (plaintext) => {
      this.#onChunk(plaintext);
      return true;
    });
  }

  #open(key: ChunkOpeningKey, sealed: Uint8Array, aad: Uint8Array): Awaitable<Uint8Array> {
    if (this.#chunks >= this.#maxChunks) throw messageLimitReached();
    const opened = translateErrors(
      () => key.open(sealed, aad),
      () => decryptionFailed(this.#kind),
    );
    return andThen(opened, (plaintext) => {
      this.#chunks++;
      return plaintext;
    });
  }

  /** After a failure nothing more is opened. */
  #guard(work: () => Awaitable<void>): Awaitable<void> {
    const result = translateErrors(work, (error) => {
      this.#state = 'failed';
      this.#pending = false;
      return error instanceof Error ? error : decryptionFailed(this.#kind);
    });
    if (!(result instanceof Promise)) return undefined;
    this.#pending = true;
    return result.then(() => {
      this.#pending = false;
    });
  }

  #checkUsable(): void {
    if (this.#pending) {
      throw new ConfigurationError('wait for the call before this one', { code: 'invalid_option' });
    }
    if (this.#state === 'finished' || this.#state === 'failed') {
      throw new ConfigurationError('the message has ended or failed: make an opener for each message', {
        code: 'message_finished',
      });
    }
  }
}

/** Makes of what a set-up threw the one error for all that fails to decrypt; leaves our own errors as they are. */
export function setupErrors(kind: MessageKind): (error: unknown) => Error {
  return (error) => (SottoError.isInstance(error) ? error : decryptionFailed(kind));
}
