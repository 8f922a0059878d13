import { ConfigurationError } from '../errors.ts';
import type { Ed25519Verify } from './statement.ts';

/**
 * Verifies with WebCrypto, which has Ed25519 in every browser since 2025 and in Node: where it has not, take
 * {@link portableEd25519Verify}. Throws ConfigurationError `unsupported_runtime` there.
 */
export const webEd25519Verify: Ed25519Verify = async (publicKey, message, signature) => {
  try {
    const key = await crypto.subtle.importKey('raw', new Uint8Array(publicKey), 'Ed25519', false, ['verify']);
    return await crypto.subtle.verify('Ed25519', key, new Uint8Array(signature), new Uint8Array(message));
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'NotSupportedError') {
      throw new ConfigurationError('this runtime has no Ed25519: pass portableEd25519Verify as verifyEd25519', {
        code: 'unsupported_runtime',
        cause,
      });
    }
    return false;
  }
};
