import type { ChunkOpener } from './chunk-opener.ts';
import type { ChunkSealer } from './chunk-sealer.ts';

/**
 * A stream from a message to its sealed body: each write is sealed and sent on at once, and closing it sends the final
 * chunk. Aborting it sends none, so that the receiver knows.
 */
export function createSealStream(sealer: ChunkSealer): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream<Uint8Array, Uint8Array>({
    start(controller) {
      controller.enqueue(sealer.preface);
    },
    async transform(plaintext, controller) {
      const sealed = await sealer.seal(plaintext);
      if (sealed.length > 0) controller.enqueue(sealed);
    },
    async flush(controller) {
      controller.enqueue(await sealer.finish());
    },
  });
}

/**
 * A stream from a sealed body to its message, chunk by chunk. It errors where the opener does; when it closes, the
 * message is complete.
 * @param makeOpener makes the opener, given the function that takes each chunk
 */
export function createOpenStream(
  makeOpener: (onChunk: (plaintext: Uint8Array) => void) => ChunkOpener,
): TransformStream<Uint8Array, Uint8Array> {
  let opener: ChunkOpener;
  return new TransformStream<Uint8Array, Uint8Array>({
    start(controller) {
      opener = makeOpener((plaintext) => controller.enqueue(plaintext));
    },
    async transform(bytes) {
      await opener.push(bytes);
    },
    async flush() {
      await opener.finish();
    },
  });
}
