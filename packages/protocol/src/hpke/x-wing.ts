import { concatBytes, encodeUtf8 } from '../bytes.ts';

/** Bytes of an ML-KEM-768 seed, d ‖ z (FIPS 203 §7.1). */
export const MLKEM768_SEED_BYTES = 64;
/** Bytes of an ML-KEM-768 encapsulation key (FIPS 203 §8, table 3). */
export const MLKEM768_PUBLIC_KEY_BYTES = 1184;
/** Bytes of an ML-KEM-768 ciphertext (FIPS 203 §8, table 3). */
export const MLKEM768_CIPHERTEXT_BYTES = 1088;
/** Bytes of an X25519 key, either half (RFC 7748 §5). */
export const X25519_KEY_BYTES = 32;
/**
 * What SHAKE256 makes of the 32-byte seed: the ML-KEM seed, then the X25519 private key
 * (draft-connolly-cfrg-xwing-kem §5.2).
 */
export const X_WING_EXPANDED_BYTES = MLKEM768_SEED_BYTES + X25519_KEY_BYTES;

/** The six bytes `\.//^\` (draft-connolly-cfrg-xwing-kem §5.3). */
const X_WING_LABEL = Uint8Array.of(0x5c, 0x2e, 0x2f, 0x2f, 0x5e, 0x5c);

/** What goes through SHA3-256 to become the shared secret (draft-connolly-cfrg-xwing-kem §5.3). */
export function combinerInput(
  mlkemSecret: Uint8Array,
  x25519Secret: Uint8Array,
  x25519Ciphertext: Uint8Array,
  x25519PublicKey: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return concatBytes(mlkemSecret, x25519Secret, x25519Ciphertext, x25519PublicKey, X_WING_LABEL);
}

/**
 * What goes through SHAKE256 to become the seed of a derived key pair of `length` bytes: LabeledDerive of the
 * one-stage KDFs, under the KEM's suite id (draft-ietf-hpke-pq §3, §4).
 */
export function deriveKeyPairInput(
  kemId: number,
  inputKeyMaterial: Uint8Array,
  length: number,
): Uint8Array<ArrayBuffer> {
  const label = encodeUtf8('DeriveKeyPair');
  return concatBytes(
    inputKeyMaterial,
    encodeUtf8('HPKE-v1'), // RFC 9180 §4
    encodeUtf8('KEM'), // RFC 9180 §4.1
    Uint8Array.of(kemId >> 8, kemId & 0xff, 0, label.length),
    label,
    Uint8Array.of(length >> 8, length & 0xff),
  );
}
