import { ConfigurationError } from '@sotto/protocol';
import { decodePem, encodePem, type PemBlock } from '@sotto/protocol/nomyo-v1';
import { isPbes2, openPbes2, sealPbes2 } from './pbes2.ts';
import type { KeyFiles } from './platform.ts';
import { pkcs8OfPkcs1 } from './rsa-private-key.ts';

/** A private key as PEM: PKCS#8, under a password PBES2. */
export async function writePrivateKeyPem(pkcs8: Uint8Array, password: string | null): Promise<string> {
  if (password === null) return encodePem('PRIVATE KEY', pkcs8);
  return encodePem('ENCRYPTED PRIVATE KEY', await sealPbes2(pkcs8, password));
}

/** A private key that has been read. */
export interface OpenedPrivateKey {
  /** Unencrypted PKCS#8, DER, not yet checked. The caller zeroes it. */
  readonly pkcs8: Uint8Array;
  readonly wasEncrypted: boolean;
}

/**
 * Reads a private key: PKCS#8, PKCS#8 under PBES2, PKCS#1, and on runtimes with `legacy` what OpenSSL and others
 * have written before those.
 * @throws ConfigurationError `invalid_key_file`, `wrong_key_password`
 */
export async function readPrivateKeyPem(
  pem: string,
  password: string | null,
  legacy: Pick<KeyFiles, 'openLegacy'> | null,
): Promise<OpenedPrivateKey> {
  const block = decodePem(pem);
  if (block === null) throw invalid('is not one PEM text');
  if (block.label === 'PRIVATE KEY' && !block.hasHeaders) return { pkcs8: block.der, wasEncrypted: false };
  if (block.label === 'RSA PRIVATE KEY' && !block.hasHeaders) return openPkcs1(block);
  if (block.label === 'ENCRYPTED PRIVATE KEY' || block.label === 'RSA PRIVATE KEY') {
    if (password === null) throw wrongPassword('the private key is encrypted: give its password');
    return { pkcs8: await openEncrypted(block, pem, password, legacy), wasEncrypted: true };
  }
  throw invalid('is no private key: its PEM type must be PRIVATE KEY, ENCRYPTED PRIVATE KEY or RSA PRIVATE KEY');
}

function openPkcs1(block: PemBlock): OpenedPrivateKey {
  const pkcs8 = pkcs8OfPkcs1(block.der);
  block.der.fill(0);
  return { pkcs8, wasEncrypted: false };
}

async function openEncrypted(
  block: PemBlock,
  pem: string,
  password: string,
  legacy: Pick<KeyFiles, 'openLegacy'> | null,
): Promise<Uint8Array> {
  if (!isPbes2(block.der)) {
    if (legacy === null) throw invalid('has a form that this runtime cannot open: convert it, openssl pkcs8 -topk8');
    return legacy.openLegacy(pem, password);
  }
  const pkcs8 = await openPbes2(block.der, password);
  // Padding that happens to fit is no proof: PKCS#8 is a SEQUENCE (RFC 5208 §5).
  if (pkcs8 === null || pkcs8[0] !== 0x30) throw wrongPassword('the password does not open the private key');
  return pkcs8;
}

/** The error of a password that is missing or wrong. */
export function wrongPassword(message: string): ConfigurationError {
  return new ConfigurationError(message, { code: 'wrong_key_password' });
}

function invalid(reason: string): ConfigurationError {
  return new ConfigurationError(`the private key ${reason}`, { code: 'invalid_key_file' });
}
