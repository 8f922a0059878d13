/** Bytes of hexadecimal text. */
export function bytes(hex: string): Uint8Array {
  return Uint8Array.from(hex.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

export { encodeHex as hex } from '../src/bytes.ts';
