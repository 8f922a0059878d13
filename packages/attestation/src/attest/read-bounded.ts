import { concatBytes } from '@sotto/protocol';

/** Reads a stream to its end; rejects with `RangeError` as soon as it is longer than `maxBytes`. */
export async function readBounded(stream: AsyncIterable<unknown>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    if (!(chunk instanceof Uint8Array)) throw new RangeError('stream is not of bytes');
    length += chunk.length;
    if (length > maxBytes) throw new RangeError('stream is too long');
    chunks.push(chunk);
  }
  return concatBytes(...chunks);
}
