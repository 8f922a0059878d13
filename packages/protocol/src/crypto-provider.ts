/** A value, or the promise of one: WebCrypto is always asynchronous, `node:crypto` mostly is not. */
export type Awaitable<T> = T | Promise<T>;

/** An RSA public key imported for OAEP with SHA-256 (RFC 8017 §7.1), MGF1 with SHA-256, no label. */
export interface RsaPublicKey {
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** Length of what {@link RsaPublicKey.encrypt} returns, in bytes: the modulus length. */
  readonly modulusBytes: number;
  /** Wraps at most `modulusBytes - 66` bytes. */
  encrypt(data: Uint8Array): Awaitable<Uint8Array>;
}

/** An RSA private key imported for OAEP with SHA-256. */
export interface RsaPrivateKey {
  /** Length of what {@link RsaPrivateKey.decrypt} takes, in bytes: the modulus length. */
  readonly modulusBytes: number;
  /** Unwraps. Any failure throws, and says nothing about its reason. */
  decrypt(data: Uint8Array): Promise<Uint8Array>;
}

/**
 * The cryptography that the protocols need, so that each runtime can bring its fastest: {@link webCrypto} runs
 * everywhere, `@sotto/protocol/node` is ten times as fast for short messages on Node.
 *
 * All functions return buffers of their own, which the caller may zero.
 */
export interface CryptoProvider {
  /** Bytes from the runtime's cryptographic random source. */
  randomBytes(length: number): Uint8Array;
  sha256(data: Uint8Array): Awaitable<Uint8Array>;
  hmacSha256(key: Uint8Array, data: Uint8Array): Awaitable<Uint8Array>;
  /** HKDF-SHA-256 (RFC 5869), Extract then Expand, to `length` bytes. */
  hkdfSha256(inputKey: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Awaitable<Uint8Array>;
  /** AES-256-GCM (NIST SP 800-38D) without AAD. @returns ciphertext ‖ 16-byte tag */
  aesGcmSeal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Awaitable<Uint8Array>;
  /** Opens ciphertext ‖ 16-byte tag. Throws when the tag does not verify; no plaintext leaves before it has. */
  aesGcmOpen(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Awaitable<Uint8Array>;
  /** Imports a SubjectPublicKeyInfo whose modulus and exponent have been checked. */
  importRsaPublicKey(spki: Uint8Array, modulusBytes: number): Awaitable<RsaPublicKey>;
  /** Imports an unencrypted PKCS#8 PrivateKeyInfo, DER. */
  importRsaPrivateKey(pkcs8: Uint8Array, modulusBytes: number): Awaitable<RsaPrivateKey>;
  /** Standard base64 with padding (RFC 4648 §4). */
  encodeBase64(bytes: Uint8Array): string;
  /** Strict: returns null for anything that {@link CryptoProvider.encodeBase64} would not have written. */
  decodeBase64(text: string): Uint8Array | null;
}
