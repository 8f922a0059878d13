import { concatBytes, encodeUtf8 } from '../../bytes.ts';
import { KEM_X25519 } from '../../hpke/suite.ts';
import { LabeledKdf } from './hkdf.ts';
import type { NodeKem } from './node-kem.ts';
import { agreeX25519, generateX25519, importX25519PrivateKey, importX25519PublicKey } from './x25519.ts';

const SECRET_BYTES = 32; // RFC 9180 §7.1: Nsecret
const EMPTY = new Uint8Array(0);
const KDF = new LabeledKdf(concatBytes(encodeUtf8('KEM'), Uint8Array.of(KEM_X25519 >> 8, KEM_X25519))); // RFC 9180 §4.1
const EAE_PRK = encodeUtf8('eae_prk');
const SHARED_SECRET = encodeUtf8('shared_secret');

/** ExtractAndExpand (RFC 9180 §4.1). */
function extractAndExpand(agreed: Uint8Array, enc: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const prk = KDF.extract(EMPTY, EAE_PRK, agreed);
  const secret = KDF.expand(prk, SHARED_SECRET, concatBytes(enc, publicKey), SECRET_BYTES);
  agreed.fill(0);
  prk.fill(0);
  return secret;
}

/** DHKEM(X25519, HKDF-SHA256) (RFC 9180 §4.1). The randomness of `encapsulate` is the ephemeral private key. */
export const x25519Kem: NodeKem = {
  importPublicKey(bytes) {
    const publicBytes = bytes.slice();
    const publicKey = importX25519PublicKey(publicBytes);
    return {
      encapsulate(randomness) {
        const ephemeral = randomness === undefined ? generateX25519() : importX25519PrivateKey(randomness);
        const agreed = agreeX25519(ephemeral.privateKey, publicKey);
        const enc = ephemeral.publicKey;
        return { sharedSecret: extractAndExpand(agreed, enc, publicBytes), enc };
      },
    };
  },

  importPrivateKey(bytes) {
    const { privateKey, publicKey } = importX25519PrivateKey(bytes);
    return {
      publicKey,
      decapsulate: (enc) => extractAndExpand(agreeX25519(privateKey, importX25519PublicKey(enc)), enc, publicKey),
    };
  },

  derivePrivateKey(inputKeyMaterial) {
    const prk = KDF.extract(EMPTY, encodeUtf8('dkp_prk'), inputKeyMaterial);
    return KDF.expand(prk, encodeUtf8('sk'), EMPTY, SECRET_BYTES); // RFC 9180 §7.1.3
  },
};
