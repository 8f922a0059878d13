import { equalBytes } from '../bytes.ts';
import { DER_TAG, DerReader, unsignedInteger } from '../der/index.ts';

/** What has to be known of an RSA public key before any arithmetic is done with it. */
export interface RsaParameters {
  readonly modulusBits: number;
  /** The public exponent; `Infinity` where it does not fit into 32 bits. */
  readonly exponent: number;
}

const RSA_ENCRYPTION = Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01); // RFC 8017 §A.1

/**
 * Reads modulus length and exponent of a SubjectPublicKeyInfo (RFC 5280 §4.1, RFC 8017 §A.1.1).
 * @returns null where the bytes are not the DER of an RSA public key
 */
export function readRsaSpki(spki: Uint8Array): RsaParameters | null {
  try {
    const outer = new DerReader(spki);
    const info = new DerReader(outer.read(DER_TAG.sequence));
    outer.end();
    readRsaAlgorithm(info);
    const bits = info.read(DER_TAG.bitString);
    info.end();
    if (bits[0] !== 0) return null;
    const key = new DerReader(bits.subarray(1));
    return readModulusAndExponent(key.read(DER_TAG.sequence), key);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/**
 * Reads modulus length and exponent of an unencrypted PKCS#8 PrivateKeyInfo (RFC 5208 §5, RFC 8017 §A.1.2).
 * @returns null where the bytes are not the DER of an RSA private key
 */
export function readRsaPkcs8(pkcs8: Uint8Array): RsaParameters | null {
  try {
    const outer = new DerReader(pkcs8);
    const info = new DerReader(outer.read(DER_TAG.sequence));
    outer.end();
    info.read(DER_TAG.integer);
    readRsaAlgorithm(info);
    const key = new DerReader(new DerReader(info.read(DER_TAG.octetString)).read(DER_TAG.sequence));
    key.read(DER_TAG.integer); // version: 0, two primes
    return parameters(key.read(DER_TAG.integer), key.read(DER_TAG.integer));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function readRsaAlgorithm(info: DerReader): void {
  const algorithm = new DerReader(info.read(DER_TAG.sequence));
  if (!equalBytes(algorithm.read(DER_TAG.oid), RSA_ENCRYPTION)) throw new RangeError('not an RSA key');
  algorithm.read(DER_TAG.null);
  algorithm.end();
}

function readModulusAndExponent(sequence: Uint8Array, outer: DerReader): RsaParameters {
  outer.end();
  const reader = new DerReader(sequence);
  const found = parameters(reader.read(DER_TAG.integer), reader.read(DER_TAG.integer));
  reader.end();
  return found;
}

function parameters(modulusContents: Uint8Array, exponentContents: Uint8Array): RsaParameters {
  const modulus = unsignedInteger(modulusContents);
  // Two odd primes' product is odd: the arithmetic fails on anything else, and would do so only when it is used.
  if ((modulus.at(-1) ?? 0) % 2 === 0) throw new RangeError('an even number is no RSA modulus');
  const exponentBytes = unsignedInteger(exponentContents);
  const modulusBits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  let exponent = 0;
  for (const byte of exponentBytes) exponent = exponent * 256 + byte;
  return { modulusBits, exponent: exponentBytes.length > 4 ? Number.POSITIVE_INFINITY : exponent };
}
