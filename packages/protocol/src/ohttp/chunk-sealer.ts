import { andThen } from '../awaitable.ts';
import { concatBytes, encodeUtf8 } from '../bytes.ts';
import type { Awaitable } from '../crypto-provider.ts';
import { ConfigurationError } from '../errors.ts';
import { MAX_MESSAGES_PER_KEY } from '../hpke/nonce-sequence.ts';
import { messageLimitReached } from '../message-errors.ts';
import { encodedVarintLength, writeVarint } from '../varint.ts';
import { MAX_CHUNK_BYTES } from './constants.ts';

/** AAD of every chunk but the last (draft-ietf-ohai-chunked-ohttp-08 §6.1). */
export const CHUNK_AAD = new Uint8Array(0);
/** AAD of the last chunk: who moves the end of a message fails to open it (draft-ietf-ohai-chunked-ohttp-08 §6.1). */
export const FINAL_CHUNK_AAD: Uint8Array = encodeUtf8('final');

/** The sealing end of a request's context or of a response's key. */
export interface ChunkSealingKey {
  seal(plaintext: Uint8Array, aad: Uint8Array): Awaitable<Uint8Array>;
}

/** How a sealer cuts a message. */
export interface ChunkSealerOptions {
  /** The longest plaintext of a chunk; more than 16,384 only for a receiver known to take it. */
  readonly maxChunkBytes?: number;
  /** The most chunks of one message, at most and by default 2^32. */
  readonly maxChunks?: number;
}

/**
 * Seals a message in chunks (draft-ietf-ohai-chunked-ohttp-08 §6). With a provider that answers synchronously every
 * call returns its bytes at once. Send `preface` first, then what `seal` and `finish` return, in order.
 */
export class ChunkSealer {
  /** What goes before the first chunk: header and enc of a request, nonce of a response. */
  readonly preface: Uint8Array;
  readonly #key: ChunkSealingKey;
  readonly #maxChunkBytes: number;
  readonly #maxChunks: number;
  #chunks = 0;
  #finished = false;

  constructor(preface: Uint8Array, key: ChunkSealingKey, options: ChunkSealerOptions = {}) {
    this.preface = preface;
    this.#key = key;
    this.#maxChunkBytes = options.maxChunkBytes ?? MAX_CHUNK_BYTES;
    this.#maxChunks = Math.min(options.maxChunks ?? MAX_MESSAGES_PER_KEY, MAX_MESSAGES_PER_KEY);
  }

  /**
   * Seals a piece of the message, at once and never held back: one chunk for each 16,384 bytes of it. An empty piece
   * is no chunk (a chunk that is not the last is never empty).
   * @throws ConfigurationError `message_finished`, SecurityError `message_limit_reached`
   */
  seal(plaintext: Uint8Array): Awaitable<Uint8Array> {
    if (this.#finished) throw finished();
    if (plaintext.length === 0) return new Uint8Array(0);
    if (plaintext.length <= this.#maxChunkBytes) return this.#sealChunk(plaintext);
    const chunks: Awaitable<Uint8Array>[] = [];
    for (let offset = 0; offset < plaintext.length; offset += this.#maxChunkBytes) {
      chunks.push(this.#sealChunk(plaintext.subarray(offset, offset + this.#maxChunkBytes)));
    }
    return join(chunks);
  }

  /**
   * Seals the last piece of the message, empty by default, and ends it: without this chunk the receiver refuses all.
   * @throws ConfigurationError `message_finished`, SecurityError `message_limit_reached`
   */
  finish(plaintext: Uint8Array = CHUNK_AAD): Awaitable<Uint8Array> {
    if (this.#finished) throw finished();
    const boundary = Math.max(0, plaintext.length - this.#maxChunkBytes);
    const before = this.seal(plaintext.subarray(0, boundary));
    this.#finished = true;
    const last = andThen(this.#next(plaintext.subarray(boundary), FINAL_CHUNK_AAD), (sealed) => frame(0, sealed));
    return boundary === 0 ? last : join([before, last]);
  }

  #sealChunk(plaintext: Uint8Array): Awaitable<Uint8Array> {
    return andThen(this.#next(plaintext, CHUNK_AAD), (sealed) => frame(sealed.length, sealed));
  }

  #next(plaintext: Uint8Array, aad: Uint8Array): Awaitable<Uint8Array> {
    if (this.#chunks >= this.#maxChunks) throw messageLimitReached();
    this.#chunks++;
    return this.#key.seal(plaintext, aad);
  }
}

function frame(length: number, sealed: Uint8Array): Uint8Array {
  const lengthBytes = encodedVarintLength(length);
  const framed = new Uint8Array(lengthBytes + sealed.length);
  writeVarint(framed, 0, length);
  framed.set(sealed, lengthBytes);
  return framed;
}

function join(parts: readonly Awaitable<Uint8Array>[]): Awaitable<Uint8Array> {
  const ready = parts.filter((part) => part instanceof Uint8Array);
  if (ready.length === parts.length) return concatBytes(...ready);
  return Promise.all(parts).then((all) => concatBytes(...all));
}

function finished(): ConfigurationError {
  return new ConfigurationError('the message has its final chunk: make a sealer for each message', {
    code: 'message_finished',
  });
}
