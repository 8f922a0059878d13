import { Buffer } from 'node:buffer';
import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto';

/** PrivateKeyInfo up to the key's 32 bytes: version 0, id-X25519, an OCTET STRING in an OCTET STRING (RFC 8410 §7). */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex');

/** An X25519 private key and its public half, 32 bytes. */
export interface X25519KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: Uint8Array;
}

export function generateX25519(): X25519KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('x25519');
  return { privateKey, publicKey: exportX25519(publicKey) };
}

/** By DER, which takes half a millisecond: for keys that are kept. */
export function importX25519PrivateKey(bytes: Uint8Array): X25519KeyPair {
  const der = Buffer.concat([PKCS8_PREFIX, bytes]);
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  der.fill(0);
  return { privateKey, publicKey: exportX25519(createPublicKey(privateKey)) };
}

/** By JWK, which is eight times as fast as DER on Node 20: one is imported for each request. */
export function importX25519PublicKey(bytes: Uint8Array): KeyObject {
  const x = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64url');
  return createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' }); // RFC 8037 §2
}

/** The shared secret; OpenSSL refuses the all-zero one that a point of small order gives (RFC 7748 §6.1). */
export function agreeX25519(privateKey: KeyObject, publicKey: KeyObject): Uint8Array {
  return diffieHellman({ privateKey, publicKey });
}

function exportX25519(publicKey: KeyObject): Uint8Array {
  return new Uint8Array(Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url'));
}
