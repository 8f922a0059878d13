import { apiError } from '../api-error.ts';
import { encodeHex } from '../bytes.ts';
import type { CryptoProvider, RsaPrivateKey, RsaPublicKey } from '../crypto-provider.ts';
import { ConfigurationError, type SottoError } from '../errors.ts';
import { decodePem, encodePem } from './pem.ts';
import { type RsaParameters, readRsaPkcs8, readRsaSpki } from './rsa-modulus.ts';

/** The modulus length NOMYO's algorithm name promises, and what this project generates. */
export const DEFAULT_MODULUS_BITS = 4_096;
const MIN_MODULUS_BITS = 2_048;
const MAX_MODULUS_BITS = 4_096;
const PUBLIC_EXPONENT = 65_537;

/** An RSA key pair, imported, with its private part still at hand for saving. */
export interface RsaKeyPair {
  readonly publicKey: RsaPublicKey;
  readonly privateKey: RsaPrivateKey;
  /** Unencrypted PKCS#8, DER. Zero it when you are done with the pair. */
  readonly pkcs8: Uint8Array;
}

/**
 * Generates an RSA key pair. Runs on WebCrypto's own thread everywhere: about a second for 4,096 bits, during
 * which the event loop is free.
 */
export async function generateRsaKeyPair(
  provider: CryptoProvider,
  modulusBits: number = DEFAULT_MODULUS_BITS,
): Promise<RsaKeyPair> {
  if (modulusBits % 8 !== 0 || modulusBits < MIN_MODULUS_BITS || modulusBits > MAX_MODULUS_BITS) {
    throw new ConfigurationError('an RSA key has 2,048 to 4,096 bits, a multiple of 8', { code: 'invalid_option' });
  }
  const pair = await crypto.subtle.generateKey(
    { name: 'RSA-OAEP', hash: 'SHA-256', modulusLength: modulusBits, publicExponent: Uint8Array.of(1, 0, 1) },
    true,
    ['encrypt', 'decrypt'],
  );
  const pkcs8 = new Uint8Array(await crypto.subtle.exportKey('pkcs8', pair.privateKey));
  const spki = new Uint8Array(await crypto.subtle.exportKey('spki', pair.publicKey));
  return {
    publicKey: await provider.importRsaPublicKey(spki, modulusBits / 8),
    privateKey: await provider.importRsaPrivateKey(pkcs8, modulusBits / 8),
    pkcs8,
  };
}

/**
 * Imports a peer's public key after checking what it is: PEM, RSA, 2,048 to 4,096 bits, exponent 65,537. A key
 * that is anything else never reaches the RSA arithmetic.
 * @throws InvalidRequestError `invalid_public_key`
 */
export async function importPublicKeyPem(provider: CryptoProvider, pem: string): Promise<RsaPublicKey> {
  const block = decodePem(pem);
  if (block === null || block.label !== 'PUBLIC KEY') {
    throw invalidPublicKey('is not one PEM text of type PUBLIC KEY');
  }
  return importPublicKeySpki(provider, block.der);
}

/** {@link importPublicKeyPem} for a SubjectPublicKeyInfo in DER. */
export async function importPublicKeySpki(provider: CryptoProvider, spki: Uint8Array): Promise<RsaPublicKey> {
  const modulusBytes = checkParameters(readRsaSpki(spki), invalidPublicKey);
  try {
    return await provider.importRsaPublicKey(spki, modulusBytes);
  } catch {
    throw invalidPublicKey('is not a key this runtime takes');
  }
}

/**
 * Imports an unencrypted private key: PEM of type PRIVATE KEY (PKCS#8).
 * @throws ConfigurationError `invalid_key_file`
 */
export async function importPrivateKeyPem(provider: CryptoProvider, pem: string): Promise<RsaPrivateKey> {
  const block = decodePem(pem);
  if (block === null || block.label !== 'PRIVATE KEY') {
    throw invalidPrivateKey('is not one PEM text of type PRIVATE KEY');
  }
  return importPrivateKeyPkcs8(provider, block.der);
}

/** {@link importPrivateKeyPem} for a PrivateKeyInfo in DER. */
export async function importPrivateKeyPkcs8(provider: CryptoProvider, pkcs8: Uint8Array): Promise<RsaPrivateKey> {
  const modulusBytes = checkParameters(readRsaPkcs8(pkcs8), invalidPrivateKey);
  try {
    return await provider.importRsaPrivateKey(pkcs8, modulusBytes);
  } catch {
    throw invalidPrivateKey('is not a key this runtime takes');
  }
}

function checkParameters(found: RsaParameters | null, invalid: (reason: string) => SottoError): number {
  if (found === null) throw invalid('is not an RSA key');
  const { modulusBits, exponent } = found;
  if (modulusBits < MIN_MODULUS_BITS) throw invalid(`has ${modulusBits} bits; at least ${MIN_MODULUS_BITS} are needed`);
  if (modulusBits > MAX_MODULUS_BITS) throw invalid(`has ${modulusBits} bits; at most ${MAX_MODULUS_BITS} are taken`);
  if (exponent !== PUBLIC_EXPONENT) throw invalid(`has another public exponent than ${PUBLIC_EXPONENT}`);
  return Math.ceil(modulusBits / 8);
}

function invalidPublicKey(reason: string): SottoError {
  return apiError('invalid_public_key', `the RSA public key ${reason}`);
}

function invalidPrivateKey(reason: string): SottoError {
  return new ConfigurationError(`the RSA private key ${reason}`, { code: 'invalid_key_file' });
}

/** The public key as PEM (RFC 7468 §13), as `/pki/public_key` serves it. */
export function exportPublicKeyPem(key: RsaPublicKey): string {
  return encodePem('PUBLIC KEY', key.spki);
}

/** SHA-256 of the SubjectPublicKeyInfo, 64 hexadecimal digits: what `pinnedKeys` holds. */
export async function fingerprint(provider: CryptoProvider, key: RsaPublicKey): Promise<string> {
  return encodeHex(await provider.sha256(key.spki));
}
