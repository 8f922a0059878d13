import { andThen } from '../awaitable.ts';
import type { Awaitable } from '../crypto-provider.ts';
import type { ChunkSealingKey } from '../ohttp/chunk-sealer.ts';

const EMPTY = new Uint8Array(0);
const LENGTH_BYTES = 4; // EHBP §4.3

/** Seals a body in frames (EHBP §4.3). Nothing marks the last one: who cuts a body between frames goes unnoticed. */
export class FrameSealer {
  readonly #key: ChunkSealingKey;

  constructor(key: ChunkSealingKey) {
    this.#key = key;
  }

  /**
   * Seals a piece of the body as one frame, at once. An empty piece is no frame.
   * @throws SecurityError `message_limit_reached`
   */
  seal(plaintext: Uint8Array): Awaitable<Uint8Array> {
    if (plaintext.length === 0) return new Uint8Array(0);
    return andThen(this.#key.seal(plaintext, EMPTY), (sealed) => {
      const framed = new Uint8Array(LENGTH_BYTES + sealed.length);
      new DataView(framed.buffer).setUint32(0, sealed.length);
      framed.set(sealed, LENGTH_BYTES);
      return framed;
    });
  }
}
