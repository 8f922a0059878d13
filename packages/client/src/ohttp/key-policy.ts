import { ConfigurationError } from '@sotto/protocol';
import {
  AEAD_AES_128_GCM,
  AEAD_AES_256_GCM,
  AEAD_CHACHA20_POLY1305,
  type HpkeProvider,
  KDF_HKDF_SHA256,
  KEM_MLKEM768_X25519,
  KEM_X25519,
} from '@sotto/protocol/hpke';
import type { KeyConfigPolicy } from '@sotto/protocol/ohttp';

/**
 * Whether a request must be safe against whoever records it now and has a quantum computer later: `required` sends
 * nothing to a router without a hybrid key, `preferred` takes the hybrid key wherever there is one.
 */
export type PqKem = 'required' | 'preferred';

/** Best first; ChaCha20-Poly1305 for routers without the others. */
const AEADS = [AEAD_AES_256_GCM, AEAD_AES_128_GCM, AEAD_CHACHA20_POLY1305];

/**
 * What a client takes of the keys that a router offers.
 * @throws ConfigurationError `invalid_option`, and `unsupported_runtime` where a hybrid key is required and the
 *   client was made without the algorithm
 */
export function keyPolicy(pqKem: PqKem, hpke: HpkeProvider): KeyConfigPolicy {
  if (pqKem !== 'required' && pqKem !== 'preferred') {
    throw new ConfigurationError('pqKem is one of required, preferred', { code: 'invalid_option' });
  }
  const hybrid = { kemId: KEM_MLKEM768_X25519, kdfId: KDF_HKDF_SHA256, aeadId: AEAD_AES_256_GCM };
  if (pqKem === 'required' && !hpke.supports(hybrid)) {
    throw new ConfigurationError('pqKem is "required", and this client has no hybrid KEM: import @sotto/client', {
      code: 'unsupported_runtime',
    });
  }
  const kemIds = pqKem === 'required' ? [KEM_MLKEM768_X25519] : [KEM_MLKEM768_X25519, KEM_X25519];
  return { kemIds, aeadIds: AEADS, supports: (suite) => hpke.supports(suite) };
}
