import { decodeBase64, encodeBase64 } from './base64.ts';
import type { CryptoProvider } from './crypto-provider.ts';

const KEY_BYTES = 32; // AES-256 (FIPS 197 §5)
const TAG_BITS = 128; // NIST SP 800-38D §5.2.1.2: the longest tag, and the only one taken
const OAEP = { name: 'RSA-OAEP', hash: 'SHA-256' } as const; // RFC 8017 §7.1; MGF1 follows the hash

/**
 * WebCrypto takes views over an ArrayBuffer only. Every buffer here is one already, but for what a caller passes
 * over shared memory, which is copied.
 */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}

async function aesKey(key: Uint8Array, usage: 'encrypt' | 'decrypt'): Promise<CryptoKey> {
  // WebCrypto would choose AES-128 for a shorter key.
  if (key.length !== KEY_BYTES) throw new RangeError('an AES-256 key has 32 bytes');
  return crypto.subtle.importKey('raw', owned(key), 'AES-GCM', false, [usage]);
}

/** The portable provider: WebCrypto, in browsers, workers, Node, Deno and Bun alike. */
export const webCrypto: CryptoProvider = {
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),

  async sha256(data) {
    return new Uint8Array(await crypto.subtle.digest('SHA-256', owned(data)));
  },

  async hmacSha256(key, data) {
    const algorithm = { name: 'HMAC', hash: 'SHA-256' };
    const imported = await crypto.subtle.importKey('raw', owned(key), algorithm, false, ['sign']);
    return new Uint8Array(await crypto.subtle.sign('HMAC', imported, owned(data)));
  },

  async hkdfSha256(inputKey, salt, info, length) {
    const imported = await crypto.subtle.importKey('raw', owned(inputKey), 'HKDF', false, ['deriveBits']);
    const algorithm = { name: 'HKDF', hash: 'SHA-256', salt: owned(salt), info: owned(info) };
    return new Uint8Array(await crypto.subtle.deriveBits(algorithm, imported, length * 8));
  },

  async aesGcmSeal(key, nonce, plaintext) {
    const algorithm = { name: 'AES-GCM', iv: owned(nonce), tagLength: TAG_BITS };
    return new Uint8Array(await crypto.subtle.encrypt(algorithm, await aesKey(key, 'encrypt'), owned(plaintext)));
  },

  async aesGcmOpen(key, nonce, sealed) {
    const algorithm = { name: 'AES-GCM', iv: owned(nonce), tagLength: TAG_BITS };
    return new Uint8Array(await crypto.subtle.decrypt(algorithm, await aesKey(key, 'decrypt'), owned(sealed)));
  },

  async importRsaPublicKey(spki, modulusBytes) {
    const key = await crypto.subtle.importKey('spki', owned(spki), OAEP, true, ['encrypt']);
    return {
      spki,
      modulusBytes,
      encrypt: async (data) => new Uint8Array(await crypto.subtle.encrypt(OAEP, key, owned(data))),
    };
  },

  async importRsaPrivateKey(pkcs8, modulusBytes) {
    const key = await crypto.subtle.importKey('pkcs8', owned(pkcs8), OAEP, false, ['decrypt']);
    return {
      modulusBytes,
      decrypt: async (data) => new Uint8Array(await crypto.subtle.decrypt(OAEP, key, owned(data))),
    };
  },

  encodeBase64,
  decodeBase64,
};
