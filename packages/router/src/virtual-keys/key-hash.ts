import { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { apiError } from '@sotto/protocol';
import { deriveKey } from '../storage/storage-key.ts';

const LABEL = 'sotto/virtual-keys/v1';
const DIGEST_BYTES = 32;
const SHA256_HEX = /^[0-9a-f]{64}$/i;
/** FIPS 180-4 §1: SHA-256 works on blocks of 512 bits. */
const BLOCK_BYTES = 64;
const MAX_REMEMBERED = 4_096;
/** RFC 2104 §2. */
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;

/**
 * Hashes virtual keys as they are stored: HMAC-SHA-256 of the key's SHA-256, under a key of the router's own. Whoever
 * has the database alone cannot try keys on it; whoever knows a key by its SHA-256 only can still bring it along.
 *
 * The HMAC is put together of two one-shot hashes over buffers that are made once: every request passes here.
 */
export class KeyHash {
  readonly #inner: Buffer;
  readonly #outer: Buffer;
  /** Of every digest that was presented lately, good or not: the same key is hashed three times only once. */
  readonly #keyedOf = new Map<string, string>();

  /** @param storageKey 32 bytes, of which the hash's own key is derived */
  constructor(storageKey: Uint8Array) {
    const key = deriveKey(storageKey, LABEL);
    this.#inner = padded(key, INNER_PAD);
    this.#outer = padded(key, OUTER_PAD);
  }

  /** The hash of a key in clear: 64 lower-case hexadecimal digits. */
  ofKey(key: string): string {
    const digest = hash('sha256', key, 'hex');
    const known = this.#keyedOf.get(digest);
    if (known !== undefined) return known;
    if (this.#keyedOf.size >= MAX_REMEMBERED) this.#keyedOf.clear();
    const keyed = this.#keyed(digest);
    this.#keyedOf.set(digest, keyed);
    return keyed;
  }

  /**
   * The hash of a key that is known by its SHA-256.
   * @param digest 64 hexadecimal digits
   * @throws InvalidRequestError `invalid_request` where it is not that
   */
  ofSha256(digest: string): string {
    // Fewer digits would leave those of an earlier key in the buffer.
    if (!SHA256_HEX.test(digest)) throw apiError('invalid_request', 'a SHA-256 has 64 hexadecimal digits');
    return this.#keyed(digest);
  }

  #keyed(digest: string): string {
    this.#inner.write(digest, BLOCK_BYTES, 'hex');
    this.#outer.write(hash('sha256', this.#inner, 'hex'), BLOCK_BYTES, 'hex');
    return hash('sha256', this.#outer, 'hex');
  }
}

/** A block of the key and the pad, and room for a digest behind it. */
function padded(key: Uint8Array, pad: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES, pad);
  key.forEach((byte, index) => {
    block[index] = byte ^ pad;
  });
  return block;
}
