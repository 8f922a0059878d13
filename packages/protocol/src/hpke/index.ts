export type { AeadChoice, KemChoice } from './algorithm-choice.ts';
export { aes128Gcm, aes256Gcm, chacha20Poly1305, mlkem768, mlkem768X25519, x25519 } from './algorithms.ts';
export type {
  AeadKey,
  HpkeExporter,
  HpkeKeyPair,
  HpkeProvider,
  HpkePublicKey,
  HpkeReceiver,
  HpkeSender,
} from './hpke-provider.ts';
export { chacha20Poly1305WithNoble, mlkem768X25519WithNoble, x25519WithNoble } from './noble-algorithms.ts';
export { createHpke, type HpkeAlgorithms } from './portable-hpke.ts';
export {
  AEAD_AES_128_GCM,
  AEAD_AES_256_GCM,
  AEAD_CHACHA20_POLY1305,
  aeadKeyBytes,
  type HpkeSuite,
  KDF_HKDF_SHA256,
  KEM_MLKEM768,
  KEM_MLKEM768_X25519,
  KEM_X25519,
  type KemLengths,
  kemLengths,
  type SymmetricSuite,
} from './suite.ts';
