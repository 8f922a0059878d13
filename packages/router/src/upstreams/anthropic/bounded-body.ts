import { Buffer } from 'node:buffer';

/** A body being collected, up to a length. */
export class BoundedBody {
  readonly #maxBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @returns false, and keeps nothing of the chunk, where the body would be longer than it may */
  push(chunk: Uint8Array): boolean {
    if (this.#length + chunk.length > this.#maxBytes) return false;
    this.#length += chunk.length;
    this.#chunks.push(chunk);
    return true;
  }

  /** What was kept. */
  bytes(): Uint8Array {
    return Buffer.concat(this.#chunks, this.#length);
  }
}
