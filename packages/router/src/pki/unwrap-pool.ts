import { apiError, type RsaPrivateKey } from '@sotto/protocol';

/**
 * Copies of one private key that decrypt side by side. WebCrypto runs RSA off the event loop but serialises what
 * one key handle is asked for: one copy does 163 to 224 operations a second here, four do 370 to 419.
 */
export class UnwrapPool {
  readonly modulusBytes: number;
  readonly #copies: readonly RsaPrivateKey[];
  readonly #maxWaiting: number;
  #next = 0;
  #admitted = 0;

  constructor(copies: readonly [RsaPrivateKey, ...RsaPrivateKey[]], maxWaiting: number) {
    this.modulusBytes = copies[0].modulusBytes;
    this.#copies = copies;
    this.#maxWaiting = maxWaiting;
  }

  /**
   * Runs work that decrypts once, if the queue has room for it.
   * @throws ServiceUnavailableError `overloaded`
   */
  async admit<T>(work: () => Promise<T>): Promise<T> {
    if (this.#admitted >= this.#copies.length + this.#maxWaiting) {
      throw apiError('overloaded', 'too many requests are being decrypted: try again shortly', { retryAfterMs: 1_000 });
    }
    this.#admitted++;
    try {
      return await work();
    } finally {
      this.#admitted--;
    }
  }

  /** Decrypts with the next copy. @throws whatever RSA throws; says nothing of the reason */
  decrypt(data: Uint8Array): Promise<Uint8Array> {
    this.#next = (this.#next + 1) % this.#copies.length;
    const copy = this.#copies[this.#next];
    if (copy === undefined) return Promise.reject(new RangeError('no key copy'));
    return copy.decrypt(data);
  }
}
