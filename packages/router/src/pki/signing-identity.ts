import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '@sotto/protocol';
import type { StatementSigner } from '@sotto/protocol/key-statement';

/** The router's long-lived identity: an Ed25519 key that signs what its short-lived keys are. */
export interface SigningIdentity extends StatementSigner {
  /** SHA-256 of the public key, 64 hexadecimal digits: what clients name in `pinnedSigners`. */
  readonly fingerprint: string;
}

/** Makes the identity of a private key: PKCS#8 PEM, Ed25519 (RFC 8410 §7). @throws ConfigurationError `invalid_key_file` */
export function openSigningIdentity(pem: string): SigningIdentity {
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey(pem);
  } catch (error) {
    throw new ConfigurationError('the identity is not an unencrypted PKCS#8 private key', {
      code: 'invalid_key_file',
      cause: error,
    });
  }
  if (privateKey.asymmetricKeyType !== 'ed25519') {
    throw new ConfigurationError('the identity is not an Ed25519 key', { code: 'invalid_key_file' });
  }
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  const publicKey = Buffer.from(x ?? '', 'base64url');
  return {
    publicKey,
    fingerprint: createHash('sha256').update(publicKey).digest('hex'),
    sign: (message) => sign(null, message, privateKey),
  };
}

/** Makes a fresh identity, for a router that was given none: it lasts until the router ends. @returns PKCS#8 PEM */
export function generateSigningIdentity(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
}

/** Reads an identity's PEM from a file. @throws ConfigurationError `invalid_key_file` */
export async function readIdentityFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`the identity file ${path} cannot be read`, {
      code: 'invalid_key_file',
      cause: error,
    });
  }
}
