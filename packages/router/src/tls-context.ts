import { readFile } from 'node:fs/promises';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { ConfigurationError } from '@sotto/protocol';

/** A certificate and its key, read and found to belong together. */
export type TlsContext = SecureContextOptions & { readonly cert: Buffer; readonly key: Buffer };

/**
 * Reads a certificate chain and its private key.
 * @throws ConfigurationError `invalid_config` where they cannot be read, or do not belong together
 */
export async function readTlsContext(files: {
  readonly certFile: string;
  readonly keyFile: string;
}): Promise<TlsContext> {
  const { certFile, keyFile } = files;
  try {
    const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
    const context = { cert, key, minVersion: 'TLSv1.2' } as const;
    createSecureContext(context);
    return context;
  } catch (error) {
    throw new ConfigurationError(`tls: ${certFile} and ${keyFile} cannot be used as certificate and key`, {
      code: 'invalid_config',
      cause: error,
    });
  }
}
