import {
  AEAD_AES_128_GCM as AES_128_GCM,
  AEAD_AES_256_GCM as AES_256_GCM,
  AEAD_ChaCha20Poly1305 as CHACHA20_POLY1305,
  KEM_DHKEM_X25519_HKDF_SHA256 as DHKEM_X25519,
  type KEMFactory,
  KEM_ML_KEM_768 as MLKEM768,
  KEM_MLKEM768_X25519 as MLKEM768_X25519,
} from 'hpke';
import type { AeadChoice, KemChoice } from './algorithm-choice.ts';
import { mlkem768Noble, mlkem768X25519Noble } from './mlkem-kems.ts';
import {
  AEAD_AES_128_GCM,
  AEAD_AES_256_GCM,
  AEAD_CHACHA20_POLY1305,
  KEM_MLKEM768,
  KEM_MLKEM768_X25519,
  KEM_X25519,
} from './suite.ts';
import { webCryptoX25519 } from './x25519.ts';

/** X25519 from WebCrypto: every browser since early 2025, Node 20 and later, Deno, Bun, Workers. */
export const x25519: KemChoice = { kemId: KEM_X25519, implementations: [DHKEM_X25519] };

/** MLKEM768-X25519: all from WebCrypto where it has ML-KEM, else noble's ML-KEM with WebCrypto's X25519. */
export const mlkem768X25519: KemChoice = {
  kemId: KEM_MLKEM768_X25519,
  implementations: [
    /* @__PURE__ */ derivingWith(MLKEM768_X25519, /* @__PURE__ */ mlkem768X25519Noble(webCryptoX25519)),
    /* @__PURE__ */ mlkem768X25519Noble(webCryptoX25519),
  ],
};

/** ML-KEM-768 alone, from WebCrypto or noble: for peers that have it only. */
export const mlkem768: KemChoice = {
  kemId: KEM_MLKEM768,
  implementations: [/* @__PURE__ */ derivingWith(MLKEM768, mlkem768Noble), mlkem768Noble],
};

/** AES-256-GCM from WebCrypto, which has it wherever it is. */
export const aes256Gcm: AeadChoice = { aeadId: AEAD_AES_256_GCM, implementations: [AES_256_GCM] };

/** AES-128-GCM from WebCrypto, which has it wherever it is. */
export const aes128Gcm: AeadChoice = { aeadId: AEAD_AES_128_GCM, implementations: [AES_128_GCM] };

/** ChaCha20-Poly1305 from WebCrypto, which few runtimes have yet; see {@link chacha20Poly1305WithNoble}. */
export const chacha20Poly1305: AeadChoice = { aeadId: AEAD_CHACHA20_POLY1305, implementations: [CHACHA20_POLY1305] };

/**
 * A runtime's own KEM, whose key pairs are derived by another implementation of it: Chromium has ML-KEM, but not the
 * SHAKE256 that derivation takes (draft-ietf-hpke-pq §4.1).
 */
function derivingWith(own: KEMFactory, other: KEMFactory): KEMFactory {
  return () => {
    const kem = own();
    return {
      ...kem,
      async DeriveKeyPair(ikm, extractable) {
        const deriving = other();
        const { privateKey, publicKey } = await deriving.DeriveKeyPair(ikm, true);
        return {
          privateKey: await kem.DeserializePrivateKey(await deriving.SerializePrivateKey(privateKey), extractable),
          publicKey: await kem.DeserializePublicKey(await deriving.SerializePublicKey(publicKey)),
        };
      },
    };
  };
}
