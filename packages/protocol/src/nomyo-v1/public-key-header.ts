import { apiError } from '../api-error.ts';
import { MAX_PEM_CHARACTERS } from './pem.ts';

/** The header field that carries the client's RSA public key. */
export const PUBLIC_KEY_HEADER = 'x-public-key';

/** Percent-encodes a PEM for {@link PUBLIC_KEY_HEADER}. */
export function encodePublicKeyHeader(pem: string): string {
  return encodeURIComponent(pem.trim());
}

/**
 * Decodes {@link PUBLIC_KEY_HEADER}. Python's `quote` leaves `/` bare and may end in `%0A`; JavaScript's
 * `encodeURIComponent` does neither; `+` is never a space, for base64 is full of it.
 * @throws InvalidRequestError `invalid_public_key`
 */
export function decodePublicKeyHeader(value: string | undefined): string {
  if (value === undefined || value === '') {
    throw apiError(
      'invalid_public_key',
      'the header X-Public-Key is missing: send your RSA public key, percent-encoded PEM',
    );
  }
  // Percent-encoding makes three characters of one, at worst.
  if (value.length > MAX_PEM_CHARACTERS * 3)
    throw apiError('invalid_public_key', 'the header X-Public-Key is too long');
  try {
    return decodeURIComponent(value);
  } catch {
    throw apiError('invalid_public_key', 'the header X-Public-Key is not percent-encoded');
  }
}
