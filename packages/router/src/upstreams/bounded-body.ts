import { Buffer } from 'node:buffer';

/** A body being collected, up to a length. */
export class BoundedBody {
  readonly #maxBytes: number;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** @returns false, and keeps no more of it, where the body is longer than it may be */
  push(chunk: Uint8Array): boolean {
    this.#length += chunk.length;
    if (this.#length > this.#maxBytes) return false;
    this.#chunks.push(chunk);
    return true;
  }

  /** What was kept; not copied where it came in one chunk. */
  bytes(): Buffer {
    const [only] = this.#chunks;
    if (this.#chunks.length !== 1 || only === undefined) return Buffer.concat(this.#chunks);
    return Buffer.from(only.buffer, only.byteOffset, only.byteLength);
  }
}
