import { ConfigurationError, type CryptoProvider, encodeUtf8, equalBytes, type RsaPublicKey } from '@sotto/protocol';
import {
  encodePublicKeyHeader,
  exportPublicKeyPem,
  importPrivateKeyPkcs8,
  importPublicKeyPem,
  importPublicKeySpki,
  type KeyUnwrapper,
  type RsaKeyPair,
} from '@sotto/protocol/nomyo-v1';
import { spkiOfPkcs8 } from './rsa-private-key.ts';

/** The client's key pair as requests use it: the private part cannot be read out any more. */
export interface ClientKeyPair {
  readonly publicKey: RsaPublicKey;
  readonly privateKey: KeyUnwrapper;
  /** The public key as `X-Public-Key` carries it. */
  readonly header: string;
}

/** Takes what requests need of a generated pair. */
export function clientKeyPairOf(pair: RsaKeyPair): ClientKeyPair {
  const { publicKey, privateKey } = pair;
  return { publicKey, privateKey, header: encodePublicKeyHeader(exportPublicKeyPem(publicKey)) };
}

/**
 * Imports a stored pair, and makes sure that its halves belong together before an answer is sealed to one of them.
 * @param publicKeyPem null derives the public key from the private one
 * @throws ConfigurationError `invalid_key_file`
 */
export async function importKeyPair(
  provider: CryptoProvider,
  pkcs8: Uint8Array,
  publicKeyPem: string | null,
): Promise<ClientKeyPair> {
  const privateKey = await importPrivateKeyPkcs8(provider, pkcs8);
  const publicKey = await importPublicKeySpki(provider, spkiOfPkcs8(pkcs8));
  if (publicKeyPem !== null) {
    const stored = await readPublicKey(provider, publicKeyPem);
    if (!equalBytes(stored.spki, publicKey.spki)) throw invalid('the public key file belongs to another private key');
  }
  if (!(await belongTogether(publicKey, privateKey))) throw invalid('the private key is damaged');
  return clientKeyPairOf({ publicKey, privateKey, pkcs8 });
}

async function readPublicKey(provider: CryptoProvider, pem: string): Promise<RsaPublicKey> {
  try {
    return await importPublicKeyPem(provider, pem);
  } catch (cause) {
    throw invalid('the public key file holds no RSA public key in PEM', cause);
  }
}

const PROBE = encodeUtf8('do these halves belong together?');

async function belongTogether(publicKey: RsaPublicKey, privateKey: KeyUnwrapper): Promise<boolean> {
  try {
    return equalBytes(await privateKey.decrypt(await publicKey.encrypt(PROBE)), PROBE);
  } catch {
    return false;
  }
}

function invalid(message: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(message, { code: 'invalid_key_file', cause });
}
