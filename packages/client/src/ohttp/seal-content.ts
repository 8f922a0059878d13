import { concatBytes } from '@sotto/protocol';
import { encodeContent, encodeEnd } from '@sotto/protocol/bhttp';
import { type ChunkSealer, MAX_CHUNK_BYTES, paddingFor } from '@sotto/protocol/ohttp';

/** End of content and the empty trailer section (RFC 9292 §3.2). */
const END_BYTES = 2;
/** What a full chunk holds of content: the rest is the content's own length (RFC 9292 §3.2). */
const PIECE_BYTES = MAX_CHUNK_BYTES - 4;

const NO_CONTENT = new Uint8Array(0);

/**
 * Seals a request whose content is there: one body, padded to its class.
 * @returns header, encapsulated key and all chunks
 */
export async function sealWhole(sealer: ChunkSealer, head: Uint8Array, content: Uint8Array): Promise<Uint8Array> {
  if (content.length > PIECE_BYTES) return sealInPieces(sealer, head, content);
  const framed = content.length === 0 ? NO_CONTENT : encodeContent(content);
  const message = concatBytes(head, framed, encodeEnd([], paddingFor(head.length + framed.length + END_BYTES)));
  try {
    return concatBytes(sealer.preface, await sealer.finish(message));
  } finally {
    // The copies that were made here; the caller's own bytes are the caller's.
    message.fill(0);
    framed.fill(0);
  }
}

/** A long message is never put together in clear: that would cost two copies of it. */
async function sealInPieces(sealer: ChunkSealer, head: Uint8Array, content: Uint8Array): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of sealStreamed(sealer, head, [content])) parts.push(part);
  return concatBytes(...parts);
}

/**
 * Seals a request as its content comes: each piece at once, then padding up to the class of the whole. Content that
 * fails leaves the request without its final chunk, which the router refuses.
 */
export async function* sealStreamed(
  sealer: ChunkSealer,
  head: Uint8Array,
  content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, undefined> {
  yield concatBytes(sealer.preface, await sealer.seal(head));
  let length = head.length + END_BYTES;
  for await (const bytes of content) {
    for (let offset = 0; offset < bytes.length; offset += PIECE_BYTES) {
      const framed = encodeContent(bytes.subarray(offset, offset + PIECE_BYTES));
      length += framed.length;
      yield await sealer.seal(framed);
    }
  }
  yield await sealer.finish(encodeEnd([], paddingFor(length)));
}
