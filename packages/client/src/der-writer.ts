import { concatBytes } from '@sotto/protocol';

/** Writes one DER element (X.690 §10.1: the length in its shortest form) of at most 65,535 bytes of contents. */
export function encodeDer(tag: number, ...contents: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const body = concatBytes(...contents);
  const element = concatBytes(Uint8Array.of(tag, ...encodeLength(body.length)), body);
  // The contents may be a private key: the copy is not left behind.
  body.fill(0);
  return element;
}

function encodeLength(length: number): readonly number[] {
  if (length < 0x80) return [length];
  if (length < 0x100) return [0x81, length];
  if (length < 0x10000) return [0x82, length >> 8, length & 0xff];
  throw new RangeError('a DER element of this length is not needed here');
}

/** A DER INTEGER of a non-negative number below 2^31. */
export function encodeDerInteger(tag: number, value: number): Uint8Array<ArrayBuffer> {
  const bytes = [value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff];
  // X.690 §8.3.2: no more leading zeros than the sign needs
  while (bytes.length > 1 && bytes[0] === 0 && (bytes[1] ?? 0) < 0x80) bytes.shift();
  return encodeDer(tag, Uint8Array.from(bytes));
}
