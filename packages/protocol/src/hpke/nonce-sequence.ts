import { messageLimitReached } from '../message-errors.ts';
import { NONCE_BYTES } from './suite.ts';

/**
 * The most messages that one key protects: 2^32, far below what the nonce could count, so that AES-GCM keeps its
 * margins (draft-irtf-cfrg-aead-limits §5; NIST SP 800-38D §8.3).
 */
export const MAX_MESSAGES_PER_KEY = 2 ** 32;

/** The nonces base XOR 0, base XOR 1, … of one key (RFC 9180 §5.2), each given out once. */
export class NonceSequence {
  readonly #base: Uint8Array;
  #next: number;

  /** @param base 12 bytes. @param first the first counter, 0 but in tests */
  constructor(base: Uint8Array, first = 0) {
    this.#base = base;
    this.#next = first;
  }

  /**
   * The nonce to use next. It is not used up until {@link NonceSequence.advance}: a receiver tries a nonce again after
   * a forgery, a sender advances first.
   * @throws SecurityError `message_limit_reached`
   */
  current(): Uint8Array {
    if (this.#next >= MAX_MESSAGES_PER_KEY) throw messageLimitReached();
    const nonce = Uint8Array.from(this.#base);
    let counter = this.#next;
    for (let index = NONCE_BYTES - 1; counter > 0; index--) {
      nonce[index] = (nonce[index] ?? 0) ^ (counter & 0xff);
      counter = Math.floor(counter / 256);
    }
    return nonce;
  }

  advance(): void {
    this.#next++;
  }

  /** The nonce to use next, used up. @throws SecurityError `message_limit_reached` */
  take(): Uint8Array {
    const nonce = this.current();
    this.advance();
    return nonce;
  }
}
