import { concatBytes } from '@sotto/protocol';
import { owned } from '../digest.ts';
import { decodeHex } from '../hex.ts';
import type { SignatureAlgorithm } from '../x509/signature-algorithm.ts';
import { integer, sequence } from './der-writer.ts';

/** A key pair of a synthetic vendor. */
export interface SigningKey {
  readonly algorithm: SignatureAlgorithm;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** For ECDSA r ‖ s. */
  sign(data: Uint8Array): Promise<Uint8Array>;
}

const PARAMETERS = {
  'rsa-pss-sha384': {
    generate: { name: 'RSA-PSS', hash: 'SHA-384', modulusLength: 4_096, publicExponent: Uint8Array.of(1, 0, 1) },
    sign: { name: 'RSA-PSS', saltLength: 48 },
  },
  'ecdsa-p256-sha256': {
    generate: { name: 'ECDSA', namedCurve: 'P-256' },
    sign: { name: 'ECDSA', hash: 'SHA-256' },
  },
  'ecdsa-p384-sha384': {
    generate: { name: 'ECDSA', namedCurve: 'P-384' },
    sign: { name: 'ECDSA', hash: 'SHA-384' },
  },
} as const;

/** Generates a key. RSA-4096 takes seconds: make few, and keep them. */
export async function generateSigningKey(algorithm: SignatureAlgorithm): Promise<SigningKey> {
  const { generate, sign } = PARAMETERS[algorithm];
  const pair = await crypto.subtle.generateKey(generate, false, ['sign', 'verify']);
  return {
    algorithm,
    spki: new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey)),
    sign: async (data) => new Uint8Array(await crypto.subtle.sign(sign, pair.privateKey, owned(data))),
  };
}

/** x ‖ y of an EC key, which end its SubjectPublicKeyInfo. */
export function coordinates(key: SigningKey): Uint8Array {
  return key.spki.subarray(key.algorithm === 'ecdsa-p256-sha256' ? -64 : -96);
}

const IDENTIFIERS: Readonly<Record<SignatureAlgorithm, string>> = {
  'rsa-pss-sha384':
    '304106092a864886f70d01010a3034a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130',
  'ecdsa-p256-sha256': '300a06082a8648ce3d040302',
  'ecdsa-p384-sha384': '300a06082a8648ce3d040303',
};

/** The AlgorithmIdentifier, DER. */
export function algorithmIdentifier(algorithm: SignatureAlgorithm): Uint8Array {
  return decodeHex(IDENTIFIERS[algorithm]) ?? new Uint8Array();
}

/** A signature as X.509 carries it: ECDSA as a SEQUENCE of two INTEGERs. */
export async function signForX509(key: SigningKey, data: Uint8Array): Promise<Uint8Array> {
  const signature = await key.sign(data);
  if (key.algorithm === 'rsa-pss-sha384') return signature;
  const half = signature.length / 2;
  return concatBytes(sequence(integer(signature.subarray(0, half)), integer(signature.subarray(half))));
}
