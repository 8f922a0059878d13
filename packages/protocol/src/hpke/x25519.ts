import { decodeBase64Url } from '../base64url.ts';
import type { Awaitable } from '../crypto-provider.ts';

/** An X25519 private key. */
export interface X25519PrivateKey {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The shared secret with a peer's public key. Throws where it is all zero (RFC 7748 §6.1). */
  agree(peer: Uint8Array): Awaitable<Uint8Array>;
}

/** The one operation that the hybrid KEM needs of its classical half. */
export interface X25519 {
  /** @param privateKey 32 random bytes */
  importPrivateKey(privateKey: Uint8Array): Awaitable<X25519PrivateKey>;
}

/** PrivateKeyInfo up to the key's 32 bytes: version 0, id-X25519, an OCTET STRING in an OCTET STRING (RFC 8410 §7). */
const PKCS8_PREFIX = Uint8Array.of(48, 46, 2, 1, 0, 48, 5, 6, 3, 43, 101, 110, 4, 34, 4, 32);

/** X25519 from WebCrypto (Web Cryptography Level 2 §27). */
export const webCryptoX25519: X25519 = {
  async importPrivateKey(privateKey) {
    const pkcs8 = new Uint8Array(PKCS8_PREFIX.length + privateKey.length);
    pkcs8.set(PKCS8_PREFIX);
    pkcs8.set(privateKey, PKCS8_PREFIX.length);
    // Extractable, because a JWK is the only way WebCrypto tells the public half.
    const key = await crypto.subtle.importKey('pkcs8', pkcs8, 'X25519', true, ['deriveBits']);
    pkcs8.fill(0);
    const { x } = await crypto.subtle.exportKey('jwk', key);
    return {
      publicKey: decodeBase64Url(x ?? '') ?? new Uint8Array(0),
      async agree(peer) {
        const peerKey = await crypto.subtle.importKey('raw', new Uint8Array(peer), 'X25519', false, []);
        return new Uint8Array(await crypto.subtle.deriveBits({ name: 'X25519', public: peerKey }, key, 256));
      },
    };
  },
};
