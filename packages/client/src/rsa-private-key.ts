import { DER_TAG, DerReader } from '@sotto/protocol/nomyo-v1';
import { encodeDer } from './der-writer.ts';

/** AlgorithmIdentifier of rsaEncryption with its NULL (RFC 8017 §A.1). */
const RSA_ALGORITHM = Uint8Array.of(
  ...[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00],
);
const VERSION_0 = Uint8Array.of(DER_TAG.integer, 1, 0);

/** Wraps an RSAPrivateKey (RFC 8017 §A.1.2, PEM type RSA PRIVATE KEY) into PKCS#8 (RFC 5208 §5). */
export function pkcs8OfPkcs1(pkcs1: Uint8Array): Uint8Array<ArrayBuffer> {
  const key = encodeDer(DER_TAG.octetString, pkcs1);
  try {
    return encodeDer(DER_TAG.sequence, VERSION_0, RSA_ALGORITHM, key);
  } finally {
    key.fill(0);
  }
}

/**
 * The SubjectPublicKeyInfo (RFC 5280 §4.1) that belongs to a private key: PKCS#8 holds modulus and exponent too.
 * @throws RangeError where `pkcs8` is not the DER of an RSA private key
 */
export function spkiOfPkcs8(pkcs8: Uint8Array): Uint8Array<ArrayBuffer> {
  const info = new DerReader(new DerReader(pkcs8).read(DER_TAG.sequence));
  info.read(DER_TAG.integer);
  info.read(DER_TAG.sequence);
  const key = new DerReader(new DerReader(info.read(DER_TAG.octetString)).read(DER_TAG.sequence));
  key.read(DER_TAG.integer);
  const modulus = encodeDer(DER_TAG.integer, key.read(DER_TAG.integer));
  const exponent = encodeDer(DER_TAG.integer, key.read(DER_TAG.integer));
  const noUnusedBits = Uint8Array.of(0);
  const bits = encodeDer(DER_TAG.bitString, noUnusedBits, encodeDer(DER_TAG.sequence, modulus, exponent));
  return encodeDer(DER_TAG.sequence, RSA_ALGORITHM, bits);
}
