import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';
import {
  AEAD_AES_128_GCM,
  AEAD_AES_256_GCM,
  AEAD_CHACHA20_POLY1305,
  aeadKeyBytes,
  TAG_BYTES,
} from '../../hpke/suite.ts';

// Without it Node accepts a GCM tag of 4 bytes, which is a forgery in 2^32 tries.
const OPTIONS = { authTagLength: TAG_BYTES } as const;

/** An AEAD key of `node:crypto`; every call is synchronous. */
export class NodeAeadKey {
  readonly #algorithm: 'aes-256-gcm' | 'chacha20-poly1305' | 'aes-128-gcm';
  readonly #key: KeyObject;

  constructor(aeadId: number, key: Uint8Array) {
    if (key.length !== aeadKeyBytes(aeadId)) throw new RangeError('the key has another length than its AEAD takes');
    this.#algorithm = algorithmOf(aeadId);
    // Not the bytes: Node 24 takes 18 µs a message to make a key of them, and 2 with one that is made.
    this.#key = createSecretKey(key);
  }

  seal(nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Uint8Array {
    const cipher = this.#cipher(nonce);
    if (aad.length > 0) cipher.setAAD(aad, { plaintextLength: plaintext.length });
    const sealed = new Uint8Array(plaintext.length + TAG_BYTES);
    sealed.set(cipher.update(plaintext));
    cipher.final();
    sealed.set(cipher.getAuthTag(), plaintext.length);
    return sealed;
  }

  open(nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Uint8Array {
    if (sealed.length < TAG_BYTES) throw new RangeError('sealed text is shorter than its tag');
    const boundary = sealed.length - TAG_BYTES;
    const decipher = this.#decipher(nonce);
    if (aad.length > 0) decipher.setAAD(aad, { plaintextLength: boundary });
    decipher.setAuthTag(sealed.subarray(boundary));
    const plaintext = decipher.update(sealed.subarray(0, boundary));
    try {
      decipher.final();
    } catch (error) {
      plaintext.fill(0);
      throw error;
    }
    // The same memory without Buffer's ways: its `slice` does not copy.
    return new Uint8Array(plaintext.buffer, plaintext.byteOffset, plaintext.length);
  }

  // The types of `createCipheriv` differ by the algorithm's literal name, though all three take the same arguments.
  #cipher(nonce: Uint8Array) {
    return this.#algorithm === 'chacha20-poly1305'
      ? createCipheriv(this.#algorithm, this.#key, nonce, OPTIONS)
      : createCipheriv(this.#algorithm, this.#key, nonce, OPTIONS);
  }

  #decipher(nonce: Uint8Array) {
    return this.#algorithm === 'chacha20-poly1305'
      ? createDecipheriv(this.#algorithm, this.#key, nonce, OPTIONS)
      : createDecipheriv(this.#algorithm, this.#key, nonce, OPTIONS);
  }
}

function algorithmOf(aeadId: number) {
  switch (aeadId) {
    case AEAD_AES_128_GCM:
      return 'aes-128-gcm';
    case AEAD_AES_256_GCM:
      return 'aes-256-gcm';
    case AEAD_CHACHA20_POLY1305:
      return 'chacha20-poly1305';
    default:
      throw new RangeError('an AEAD without an algorithm');
  }
}
