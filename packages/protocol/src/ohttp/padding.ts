/** The least a padded request takes (protocol-ohttp §8). */
export const MIN_PADDED_BYTES = 256;
/** Up to here classes are powers of two (protocol-ohttp §8). */
const POWERS_OF_TWO_TO = 4_096;

/**
 * The class that a length falls into: powers of two from 256 to 4,096 bytes, and above, steps of an eighth of the
 * power of two below. It tells an observer the length's order of magnitude and three bits more, for at most an eighth
 * more bytes (protocol-ohttp §8).
 */
export function paddedLength(length: number): number {
  if (length <= MIN_PADDED_BYTES) return MIN_PADDED_BYTES;
  const powerBelow = 2 ** Math.floor(Math.log2(length));
  const step = length <= POWERS_OF_TWO_TO ? powerBelow : powerBelow / 8;
  return Math.ceil(length / step) * step;
}

/** Zero bytes to put at the end of a Binary HTTP message of `length` bytes (RFC 9292 §3.8). */
export function paddingFor(length: number): number {
  return paddedLength(length) - length;
}
