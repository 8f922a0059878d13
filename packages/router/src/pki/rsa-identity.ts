import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { ConfigurationError } from '@sotto/protocol';
import { nodeCrypto } from '@sotto/protocol/node';
import {
  exportPublicKeyPem,
  fingerprint,
  generateRsaKeyPair,
  importPrivateKeyPkcs8,
  importPublicKeySpki,
} from '@sotto/protocol/nomyo-v1';
import { UnwrapPool } from './unwrap-pool.ts';

/** The router's RSA key, for nomyo-v1. */
export interface RsaIdentity {
  readonly publicKeyPem: string;
  /** SHA-256 of the SubjectPublicKeyInfo, 64 hexadecimal digits. */
  readonly fingerprint: string;
  readonly unwrapper: UnwrapPool;
}

/** Where the key comes from, and how it is used. */
export interface RsaIdentityOptions {
  /** Unencrypted PKCS#8, DER. It is copied into key handles and may be zeroed afterwards. */
  readonly pkcs8: Uint8Array;
  /** Default: one a core. More of them keep other requests waiting for a core. */
  readonly copies?: number | undefined;
  readonly maxWaiting: number;
}

/** Imports the key as often as it is to work side by side. @throws ConfigurationError `invalid_key_file` */
export async function openRsaIdentity(options: RsaIdentityOptions): Promise<RsaIdentity> {
  const { pkcs8 } = options;
  const copies = options.copies ?? availableParallelism();
  const first = await importPrivateKeyPkcs8(nodeCrypto, pkcs8);
  const others = await Promise.all(Array.from({ length: copies - 1 }, () => importPrivateKeyPkcs8(nodeCrypto, pkcs8)));
  const publicKey = await importPublicKeySpki(nodeCrypto, publicPart(pkcs8));
  return {
    publicKeyPem: exportPublicKeyPem(publicKey),
    fingerprint: await fingerprint(nodeCrypto, publicKey),
    unwrapper: new UnwrapPool([first, ...others], options.maxWaiting),
  };
}

function publicPart(pkcs8: Uint8Array): Uint8Array {
  const privateKey = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' });
  return createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
}

/** Makes a fresh RSA-4096 key, off the event loop. @returns PKCS#8, DER */
export async function generateRsaPkcs8(): Promise<Uint8Array> {
  return (await generateRsaKeyPair(nodeCrypto)).pkcs8;
}

/** Reads a private key file: PKCS#8 PEM, unencrypted. @throws ConfigurationError `invalid_key_file` @returns PKCS#8, DER */
export async function readRsaPkcs8File(path: string): Promise<Uint8Array> {
  try {
    return createPrivateKey(await readFile(path)).export({ format: 'der', type: 'pkcs8' });
  } catch (error) {
    throw new ConfigurationError(`${path} cannot be read as an unencrypted PKCS#8 private key`, {
      code: 'invalid_key_file',
      cause: error,
    });
  }
}
