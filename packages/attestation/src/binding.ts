import { ConfigurationError, concatBytes, encodeUtf8 } from '@sotto/protocol';
import { sha2 } from './digest.ts';

/** Bytes of a client's challenge. */
export const NONCE_BYTES = 32;
/** Bytes of what evidence commits to; SEV-SNP and TDX have room for just as many. */
export const REPORT_DATA_BYTES = 64;
const STATIC_LABEL = 'sotto/attestation/static/v1';
const NONCE_LABEL = 'sotto/attestation/nonce/v1';

/**
 * What evidence must commit to: SHA-512(label ‖ 0x00 ‖ \[nonce\] ‖ SHA-512(claims)), 64 bytes.
 *
 * All parts have a fixed length, so no two inputs meet; the labels differ, so that static evidence never answers a
 * challenge. `claims` are the exact bytes that were received.
 * @throws ConfigurationError `invalid_option` for a nonce that is not of 32 bytes
 */
export async function computeReportData(claims: Uint8Array, nonce?: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  if (nonce !== undefined && nonce.length !== NONCE_BYTES) {
    throw new ConfigurationError('a nonce has 32 bytes', { code: 'invalid_option' });
  }
  const label = encodeUtf8(nonce === undefined ? STATIC_LABEL : NONCE_LABEL);
  const parts = [label, Uint8Array.of(0), nonce ?? new Uint8Array(), await sha2('SHA-512', claims)];
  return sha2('SHA-512', concatBytes(...parts));
}
