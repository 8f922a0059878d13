/** A chunk as an observer of the ciphertext sees it. */
export interface SealedChunk {
  /** Bytes of ciphertext and tag. */
  readonly length: number;
  readonly final: boolean;
}

const LARGEST_NONCE_BYTES = 32;

/**
 * What anybody on the way can tell of an answer in chunks (draft-ietf-ohai-chunked-ohttp-08 §6.2): nonce, then each
 * chunk after its length, the last one after a zero.
 */
export function sealedChunks(body: Uint8Array, nonceBytes: number = LARGEST_NONCE_BYTES): readonly SealedChunk[] {
  const chunks: SealedChunk[] = [];
  let offset = nonceBytes;
  while (offset < body.length) {
    const lengthBytes = 1 << ((body[offset] ?? 0) >> 6);
    let length = (body[offset] ?? 0) & 0x3f;
    for (let index = 1; index < lengthBytes; index++) length = length * 256 + (body[offset + index] ?? 0);
    offset += lengthBytes;
    if (length === 0) {
      chunks.push({ length: body.length - offset, final: true });
      return chunks;
    }
    chunks.push({ length, final: false });
    offset += length;
  }
  return chunks;
}
