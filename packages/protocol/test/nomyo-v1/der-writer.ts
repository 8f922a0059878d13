import { concatBytes } from '../../src/bytes.ts';
import { DER_TAG } from '../../src/der/index.ts';

const RSA_ENCRYPTION = Uint8Array.of(0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01);

/** One DER element, its length in the shortest form. */
export function der(tag: number, ...contents: readonly Uint8Array[]): Uint8Array {
  const body = concatBytes(...contents);
  const { length } = body;
  if (length < 0x80) return concatBytes(Uint8Array.of(tag, length), body);
  if (length < 0x100) return concatBytes(Uint8Array.of(tag, 0x81, length), body);
  return concatBytes(Uint8Array.of(tag, 0x82, length >> 8, length & 0xff), body);
}

/** A non-negative INTEGER of big-endian bytes without leading zeros. */
export function integer(magnitude: Uint8Array): Uint8Array {
  const [first = 0] = magnitude;
  return der(DER_TAG.integer, first >= 0x80 ? Uint8Array.of(0) : Uint8Array.of(), magnitude);
}

/** The parts of a SubjectPublicKeyInfo of an RSA key that a test may put something else in the place of. */
export interface SpkiParts {
  readonly modulus: Uint8Array;
  readonly exponent?: Uint8Array;
  readonly oid?: Uint8Array;
  readonly parameters?: Uint8Array;
  readonly unusedBits?: number;
  readonly afterExponent?: Uint8Array;
  readonly afterKey?: Uint8Array;
}

const NOTHING = new Uint8Array(0);

/** A SubjectPublicKeyInfo (RFC 5280 §4.1) of an RSA key made of any modulus and exponent. */
export function rsaSpki(parts: SpkiParts): Uint8Array {
  const exponent = integer(parts.exponent ?? Uint8Array.of(1, 0, 1));
  const key = der(DER_TAG.sequence, integer(parts.modulus), exponent, parts.afterExponent ?? NOTHING);
  const algorithm = der(
    DER_TAG.sequence,
    der(DER_TAG.oid, parts.oid ?? RSA_ENCRYPTION),
    parts.parameters ?? der(DER_TAG.null),
  );
  const bits = der(DER_TAG.bitString, Uint8Array.of(parts.unusedBits ?? 0), key, parts.afterKey ?? NOTHING);
  return der(DER_TAG.sequence, algorithm, bits);
}

/** An odd number of exactly `bits` bits, which no factors are known of: a modulus in form only. */
export function modulusOf(bits: number): Uint8Array {
  const modulus = crypto.getRandomValues(new Uint8Array(Math.ceil(bits / 8)));
  const top = ((bits - 1) % 8) + 1;
  modulus[0] = ((modulus[0] ?? 0) & (2 ** top - 1)) | (1 << (top - 1));
  modulus[modulus.length - 1] = (modulus.at(-1) ?? 0) | 1;
  return modulus;
}
