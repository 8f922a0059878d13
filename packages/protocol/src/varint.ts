/** Bytes that the integer starting with `firstByte` takes: its two highest bits say so (RFC 9000 §16). */
export function varintLength(firstByte: number): 1 | 2 | 4 | 8 {
  return ([1, 2, 4, 8] as const)[(firstByte >> 6) & 3] ?? 8;
}

/**
 * Reads an integer from bytes of exactly its own length. Values above 2^53 are read with rounding: each of them is
 * beyond every limit of this project.
 */
export function decodeVarint(bytes: Uint8Array): number {
  let value = (bytes[0] ?? 0) & 0x3f;
  for (let index = 1; index < bytes.length; index++) value = value * 256 + (bytes[index] ?? 0);
  return value;
}

/** Bytes that {@link encodeVarint} needs for a value. */
export function encodedVarintLength(value: number): 1 | 2 | 4 | 8 {
  if (value < 0x40) return 1;
  if (value < 0x4000) return 2;
  return value < 0x4000_0000 ? 4 : 8;
}

/** Writes an integer at `offset` in its shortest form. @returns the offset after it */
export function writeVarint(target: Uint8Array, offset: number, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('a length must be a safe integer');
  const length = encodedVarintLength(value);
  let rest = value;
  for (let index = length - 1; index >= 0; index--) {
    target[offset + index] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  const prefix = { 1: 0x00, 2: 0x40, 4: 0x80, 8: 0xc0 }[length];
  target[offset] = (target[offset] ?? 0) | prefix;
  return offset + length;
}

/** An integer in its shortest form (RFC 9000 §16). */
export function encodeVarint(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(encodedVarintLength(value));
  writeVarint(bytes, 0, value);
  return bytes;
}
