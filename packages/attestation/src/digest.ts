import { encodeHex } from '@sotto/protocol';

/** WebCrypto takes views over an ArrayBuffer only; what lies over shared memory is copied. */
export function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}

/** SHA-2 (FIPS 180-4) by WebCrypto. */
export async function sha2(
  hash: 'SHA-256' | 'SHA-384' | 'SHA-512',
  data: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest(hash, owned(data)));
}

/** SHA-256 in lower-case hexadecimal: the form in which roots are pinned. */
export async function sha256Hex(data: Uint8Array): Promise<string> {
  return encodeHex(await sha2('SHA-256', data));
}
