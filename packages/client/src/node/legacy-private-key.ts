import { createPrivateKey } from 'node:crypto';
import { ConfigurationError } from '@sotto/protocol';
import { wrongPassword } from '../private-key-pem.ts';

/**
 * Opens an encrypted private key that is not PBES2 with AES: first with the OpenSSL that Node has (scrypt, triple
 * DES, `DEK-Info` with AES), and what that has dropped (RC2, single DES) with node-forge, loaded only then.
 * @returns unencrypted PKCS#8, DER
 * @throws ConfigurationError `wrong_key_password`, `invalid_key_file`
 */
export async function openLegacyPrivateKey(pem: string, password: string): Promise<Uint8Array> {
  try {
    const key = createPrivateKey({ key: pem, format: 'pem', passphrase: password });
    return key.export({ type: 'pkcs8', format: 'der' });
  } catch (error) {
    if (!isUnsupported(error)) throw wrongPassword('the password does not open the private key');
    return openWithForge(pem, password);
  }
}

/** OpenSSL 3 keeps ciphers that it no longer recommends out of its default provider. */
function isUnsupported(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_OSSL_EVP_UNSUPPORTED';
}

async function openWithForge(pem: string, password: string): Promise<Uint8Array> {
  const { default: forge } = await import('node-forge');
  let der: string;
  try {
    const key = forge.pki.decryptRsaPrivateKey(pem, password);
    if (key === null) throw new RangeError('no key');
    const info = forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(key));
    der = forge.asn1.toDer(info).getBytes();
  } catch (cause) {
    if (isUnknownScheme(cause)) {
      const message = 'the private key is encrypted in a form that is too old: convert it, openssl pkcs8 -topk8';
      throw new ConfigurationError(message, { code: 'invalid_key_file', cause });
    }
    throw wrongPassword('the password does not open the private key');
  }
  return Uint8Array.from(der, (character) => character.charCodeAt(0));
}

/** forge attaches the identifier that it does not know. */
function isUnknownScheme(error: unknown): boolean {
  return error instanceof Error && 'oid' in error;
}
