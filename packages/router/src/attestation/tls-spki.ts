import { createHash, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { ConfigurationError } from '@sotto/protocol';

/**
 * SHA-256 of the SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) of the first certificate in a PEM file, lower-case
 * hexadecimal: what clients that see the router's certificate compare.
 * @throws ConfigurationError `invalid_config`
 */
export async function readTlsSpkiSha256(certFile: string): Promise<string> {
  try {
    const { publicKey } = new X509Certificate(await readFile(certFile));
    return createHash('sha256')
      .update(publicKey.export({ format: 'der', type: 'spki' }))
      .digest('hex');
  } catch (error) {
    throw new ConfigurationError(`tls: ${certFile} does not begin with a certificate in PEM`, {
      code: 'invalid_config',
      cause: error,
    });
  }
}
