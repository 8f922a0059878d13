import type { CryptoProvider, RsaPrivateKey } from '../crypto-provider.ts';
import { CONTENT_KEY_BYTES } from './envelope.ts';

/** Anything that unwraps: an imported key, or a router's pool of copies of one. */
export type KeyUnwrapper = Pick<RsaPrivateKey, 'modulusBytes' | 'decrypt'>;

/**
 * Unwraps a content key so that a failure cannot be told from success: where OAEP fails, or yields another length
 * than 32 bytes, a random key takes its place and opening the payload fails instead. One failure, one error, one
 * course of time: OAEP's own error would be Manger's oracle (CRYPTO 2001).
 */
export async function unwrapContentKey(
  provider: CryptoProvider,
  unwrapper: KeyUnwrapper,
  wrappedKey: Uint8Array,
): Promise<Uint8Array> {
  const substitute = provider.randomBytes(CONTENT_KEY_BYTES);
  let unwrapped: Uint8Array;
  try {
    unwrapped = await unwrapper.decrypt(wrappedKey);
  } catch {
    return substitute;
  }
  if (unwrapped.length !== CONTENT_KEY_BYTES) {
    unwrapped.fill(0);
    return substitute;
  }
  return unwrapped;
}
