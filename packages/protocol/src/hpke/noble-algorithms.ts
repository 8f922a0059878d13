import { x25519 as curve } from '@noble/curves/ed25519.js';
import {
  KEM_DHKEM_X25519_HKDF_SHA256 as DHKEM_X25519,
  AEAD_ChaCha20Poly1305 as NOBLE_CHACHA20_POLY1305,
} from '@panva/hpke-noble';
import type { AEADFactory, KEMFactory } from 'hpke';
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
export const x25519WithNoble: KemChoice = /* @__PURE__ */ kemWith(x25519, DHKEM_X25519);

/** {@link mlkem768X25519}, and noble's curve where WebCrypto has none (10 kB more in a bundle). */
export const mlkem768X25519WithNoble: KemChoice = /* @__PURE__ */ kemWith(
  mlkem768X25519,
  /* @__PURE__ */ mlkem768X25519Noble(nobleX25519),
);

/** {@link chacha20Poly1305}, and noble's where WebCrypto has none (5 kB more in a bundle). */
export const chacha20Poly1305WithNoble: AeadChoice = /* @__PURE__ */ aeadWith(
  chacha20Poly1305,
  NOBLE_CHACHA20_POLY1305,
);

// Calls that a bundler may drop: a spread at the top of a module counts as a side effect, and keeps noble in.
function kemWith(choice: KemChoice, last: KEMFactory): KemChoice {
  return { ...choice, implementations: [...choice.implementations, last] };
}

function aeadWith(choice: AeadChoice, last: AEADFactory): AeadChoice {
  return { ...choice, implementations: [...choice.implementations, last] };
}
