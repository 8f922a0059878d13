import { x25519 as curve } from '@noble/curves/ed25519.js';
import {
  KEM_DHKEM_X25519_HKDF_SHA256 as DHKEM_X25519,
  AEAD_ChaCha20Poly1305 as NOBLE_CHACHA20_POLY1305,
} from '@panva/hpke-noble';
import type { AeadChoice, KemChoice } from './algorithm-choice.ts';
import { chacha20Poly1305, mlkem768X25519, x25519 } from './algorithms.ts';
import { mlkem768X25519Noble } from './mlkem-kems.ts';
import type { X25519 } from './x25519.ts';

const nobleX25519: X25519 = {
  importPrivateKey: (privateKey) => ({
    publicKey: curve.getPublicKey(privateKey),
    // noble refuses the all-zero result that a point of small order gives (RFC 7748 §6.1).
    agree: (peer) => curve.getSharedSecret(privateKey, peer),
  }),
};

/** {@link x25519}, and noble's curve where WebCrypto has none (10 kB more in a bundle). */
export const x25519WithNoble: KemChoice = {
  kemId: x25519.kemId,
  implementations: [...x25519.implementations, DHKEM_X25519],
};

/** {@link mlkem768X25519}, and noble's curve where WebCrypto has none (10 kB more in a bundle). */
export const mlkem768X25519WithNoble: KemChoice = {
  kemId: mlkem768X25519.kemId,
  implementations: [...mlkem768X25519.implementations, /* @__PURE__ */ mlkem768X25519Noble(nobleX25519)],
};

/** {@link chacha20Poly1305}, and noble's where WebCrypto has none (5 kB more in a bundle). */
export const chacha20Poly1305WithNoble: AeadChoice = {
  aeadId: chacha20Poly1305.aeadId,
  implementations: [...chacha20Poly1305.implementations, NOBLE_CHACHA20_POLY1305],
};
