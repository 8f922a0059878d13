import { createHash } from 'node:crypto';
import { concatBytes } from '../../bytes.ts';
import { KEM_MLKEM768, KEM_MLKEM768_X25519 } from '../../hpke/suite.ts';
import {
  combinerInput,
  deriveKeyPairInput,
  MLKEM768_CIPHERTEXT_BYTES,
  MLKEM768_PUBLIC_KEY_BYTES,
  MLKEM768_SEED_BYTES,
  X_WING_EXPANDED_BYTES,
} from '../../hpke/x-wing.ts';
import { type MlKem768, mlKem768 } from './ml-kem.ts';
import type { NodeKem } from './node-kem.ts';
import { agreeX25519, generateX25519, importX25519PrivateKey, importX25519PublicKey } from './x25519.ts';

const X_WING_SEED_BYTES = 32; // draft-connolly-cfrg-xwing-kem §5.2
const MLKEM_MESSAGE_BYTES = 32; // FIPS 203 §7.2: m

function shake256(data: Uint8Array, length: number): Uint8Array {
  return createHash('shake256', { outputLength: length }).update(data).digest();
}

function combine(...parts: Parameters<typeof combinerInput>): Uint8Array {
  const input = combinerInput(...parts);
  const secret = createHash('sha3-256').update(input).digest();
  input.fill(0);
  return secret;
}

/**
 * MLKEM768-X25519 (draft-ietf-hpke-pq §4, draft-connolly-cfrg-xwing-kem §5). The randomness of `encapsulate` is
 * ML-KEM's message, then the ephemeral X25519 key, 64 bytes.
 */
export function makeXWingKem(mlkem: () => MlKem768): NodeKem {
  return {
    importPublicKey(bytes) {
      const mlkemKey = mlkem().importPublicKey(bytes.slice(0, MLKEM768_PUBLIC_KEY_BYTES));
      const x25519Bytes = bytes.slice(MLKEM768_PUBLIC_KEY_BYTES);
      const x25519Key = importX25519PublicKey(x25519Bytes);
      return {
        encapsulate(randomness) {
          const inner = mlkemKey.encapsulate(randomness?.subarray(0, MLKEM_MESSAGE_BYTES));
          const ephemeral =
            randomness === undefined
              ? generateX25519()
              : importX25519PrivateKey(randomness.subarray(MLKEM_MESSAGE_BYTES));
          const agreed = agreeX25519(ephemeral.privateKey, x25519Key);
          return {
            sharedSecret: combine(inner.sharedSecret, agreed, ephemeral.publicKey, x25519Bytes),
            enc: concatBytes(inner.enc, ephemeral.publicKey),
          };
        },
      };
    },

    importPrivateKey(seed) {
      const expanded = shake256(seed, X_WING_EXPANDED_BYTES);
      const mlkemKey = mlkem().importSeed(expanded.subarray(0, MLKEM768_SEED_BYTES));
      const x25519Key = importX25519PrivateKey(expanded.subarray(MLKEM768_SEED_BYTES));
      expanded.fill(0);
      return {
        publicKey: concatBytes(mlkemKey.publicKey, x25519Key.publicKey),
        decapsulate(enc) {
          const mlkemSecret = mlkemKey.decapsulate(enc.subarray(0, MLKEM768_CIPHERTEXT_BYTES));
          const ciphertext = enc.subarray(MLKEM768_CIPHERTEXT_BYTES);
          const agreed = agreeX25519(x25519Key.privateKey, importX25519PublicKey(ciphertext));
          return combine(mlkemSecret, agreed, ciphertext, x25519Key.publicKey);
        },
      };
    },

    derivePrivateKey: (inputKeyMaterial) =>
      shake256(deriveKeyPairInput(KEM_MLKEM768_X25519, inputKeyMaterial, X_WING_SEED_BYTES), X_WING_SEED_BYTES),
  };
}

/** MLKEM768-X25519 with the best ML-KEM of this Node. */
export const xWingKem: NodeKem = makeXWingKem(mlKem768);

/** ML-KEM-768 on its own (draft-ietf-hpke-pq §3). */
export const mlKem768Kem: NodeKem = {
  importPublicKey: (bytes) => mlKem768().importPublicKey(bytes.slice()),
  importPrivateKey: (seed) => mlKem768().importSeed(seed),
  derivePrivateKey: (inputKeyMaterial) =>
    shake256(deriveKeyPairInput(KEM_MLKEM768, inputKeyMaterial, MLKEM768_SEED_BYTES), MLKEM768_SEED_BYTES),
};
