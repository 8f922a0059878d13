import { apiError } from '../api-error.ts';
import type { CryptoProvider } from '../crypto-provider.ts';
import type { SottoError } from '../errors.ts';
import { NONCE_BYTES } from './envelope.ts';

/** A sealed payload. */
export interface SealedPayload {
  /** 12 bytes, fresh. */
  readonly nonce: Uint8Array;
  /** Ciphertext ‖ 16-byte tag. */
  readonly sealed: Uint8Array;
}

/** Seals under AES-256-GCM with a nonce of its own making, so that no caller can repeat one. */
export async function sealPayload(
  provider: CryptoProvider,
  contentKey: Uint8Array,
  plaintext: Uint8Array,
): Promise<SealedPayload> {
  const nonce = provider.randomBytes(NONCE_BYTES);
  return { nonce, sealed: await provider.aesGcmSeal(contentKey, nonce, plaintext) };
}

/**
 * Opens a payload.
 * @throws InvalidRequestError `decryption_failed`, whatever the reason
 */
export async function openPayload(
  provider: CryptoProvider,
  contentKey: Uint8Array,
  payload: SealedPayload,
): Promise<Uint8Array> {
  try {
    return await provider.aesGcmOpen(contentKey, payload.nonce, payload.sealed);
  } catch {
    throw decryptionFailed();
  }
}

/** The one error for everything that cannot be opened: it never says which step failed. */
export function decryptionFailed(): SottoError {
  return apiError('decryption_failed', 'the message could not be decrypted: was it sealed to this key?');
}
