import { EHBP_SECRET_BYTES } from './constants.ts';

const PATTERN = new RegExp(`^[0-9a-f]{${EHBP_SECRET_BYTES * 2}}$`);

/** Reads the value of one of the two headers: 64 lower-case hexadecimal digits. @returns 32 bytes, or null */
export function decodeHexHeader(value: string): Uint8Array | null {
  if (!PATTERN.test(value)) return null;
  const bytes = new Uint8Array(EHBP_SECRET_BYTES);
  for (let index = 0; index < bytes.length; index++) {
    bytes[index] = Number.parseInt(value.slice(index * 2, index * 2 + 2), 16);
  }
  return bytes;
}
