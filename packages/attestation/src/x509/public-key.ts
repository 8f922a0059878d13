import { encodeHex } from '@sotto/protocol';
import { DER_TAG, DerReader, unsignedInteger } from '@sotto/protocol/der';
import { derBits, derNumber } from '../der/der-values.ts';
import { owned } from '../digest.ts';
import type { SignatureAlgorithm } from './signature-algorithm.ts';

/** A public key of a certificate, checked for what it is and not yet imported. */
export type PublicKey =
  | { readonly type: 'rsa'; readonly spki: Uint8Array; readonly modulusBits: number }
  | { readonly type: 'ec'; readonly curve: 'P-256' | 'P-384'; readonly point: Uint8Array };

const RSA_ENCRYPTION = '300d06092a864886f70d0101010500'; // RFC 3279 §2.3.1
const EC_KEYS: Readonly<Record<string, 'P-256' | 'P-384'>> = {
  '301306072a8648ce3d020106082a8648ce3d030107': 'P-256', // RFC 5480 §2.1.1
  '301006072a8648ce3d020106052b81040022': 'P-384',
};
const COORDINATE_BYTES = { 'P-256': 32, 'P-384': 48 } as const;
const PUBLIC_EXPONENT = 65_537;
const MODULUS_BITS = 4_096; // AMD 57230 §1.4: ARK and ASK are RSA-4096

/** Reads a SubjectPublicKeyInfo, DER: RSA-4096, P-256 or P-384. Throws `RangeError` for anything else. */
export function parsePublicKey(spki: Uint8Array): PublicKey {
  const outer = new DerReader(spki);
  const reader = outer.sequence();
  outer.end();
  const algorithm = encodeHex(reader.element(DER_TAG.sequence).encoded);
  const key = derBits(reader.read(DER_TAG.bitString));
  reader.end();
  if (algorithm === RSA_ENCRYPTION) return { type: 'rsa', spki, modulusBits: checkRsa(key) };
  const curve = EC_KEYS[algorithm];
  if (curve === undefined) throw new RangeError('public key is of a kind that is not taken');
  if (key.length !== 1 + 2 * COORDINATE_BYTES[curve] || key[0] !== 0x04) {
    throw new RangeError('public key is not an uncompressed point');
  }
  return { type: 'ec', curve, point: key };
}

function checkRsa(key: Uint8Array): number {
  const outer = new DerReader(key);
  const reader = outer.sequence();
  outer.end();
  const modulus = unsignedInteger(reader.read(DER_TAG.integer));
  const exponent = derNumber(reader.read(DER_TAG.integer));
  reader.end();
  const modulusBits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  if (modulusBits !== MODULUS_BITS || exponent !== PUBLIC_EXPONENT)
    throw new RangeError('RSA key is not of 4,096 bits');
  return modulusBits;
}

/**
 * Whether `signature` is `key`'s over `data`. ECDSA signatures are r ‖ s, each of the curve's length.
 *
 * A key that does not fit the algorithm, and a point that is not on its curve, verify nothing.
 */
export async function verifySignature(
  key: PublicKey,
  algorithm: SignatureAlgorithm,
  signature: Uint8Array,
  data: Uint8Array,
): Promise<boolean> {
  try {
    switch (algorithm) {
      case 'rsa-pss-sha384': {
        if (key.type !== 'rsa') return false;
        const pss = { name: 'RSA-PSS', hash: 'SHA-384' };
        const imported = await crypto.subtle.importKey('spki', owned(key.spki), pss, false, ['verify']);
        const parameters = { name: 'RSA-PSS', saltLength: 48 };
        return await crypto.subtle.verify(parameters, imported, owned(signature), owned(data));
      }
      case 'ecdsa-p256-sha256':
        return await verifyEcdsa(key, 'P-256', 'SHA-256', signature, data);
      case 'ecdsa-p384-sha384':
        return await verifyEcdsa(key, 'P-384', 'SHA-384', signature, data);
    }
  } catch {
    return false;
  }
}

async function verifyEcdsa(
  key: PublicKey,
  curve: 'P-256' | 'P-384',
  hash: string,
  signature: Uint8Array,
  data: Uint8Array,
): Promise<boolean> {
  if (key.type !== 'ec' || key.curve !== curve || signature.length !== 2 * COORDINATE_BYTES[curve]) return false;
  const algorithm = { name: 'ECDSA', namedCurve: curve };
  const imported = await crypto.subtle.importKey('raw', owned(key.point), algorithm, false, ['verify']);
  return crypto.subtle.verify({ name: 'ECDSA', hash }, imported, owned(signature), owned(data));
}

/** r ‖ s of an ECDSA-Sig-Value (RFC 3279 §2.2.3). Throws `RangeError`. */
export function ecdsaSignature(encoded: Uint8Array, algorithm: SignatureAlgorithm): Uint8Array {
  const size = algorithm === 'ecdsa-p256-sha256' ? COORDINATE_BYTES['P-256'] : COORDINATE_BYTES['P-384'];
  const outer = new DerReader(encoded);
  const reader = outer.sequence();
  outer.end();
  const signature = new Uint8Array(2 * size);
  for (const end of [size, 2 * size]) {
    const integer = unsignedInteger(reader.read(DER_TAG.integer));
    if (integer.length > size) throw new RangeError('ECDSA signature is longer than its curve');
    signature.set(integer, end - integer.length);
  }
  reader.end();
  return signature;
}
