import type { Awaitable } from '../crypto-provider.ts';
import type { HpkeSuite } from './suite.ts';

/** A receiver's public key, imported by the provider that will use it. */
export interface HpkePublicKey {
  readonly kemId: number;
  /** The serialized key, Npk bytes. */
  readonly bytes: Uint8Array;
}

/** A receiver's key pair. The private half stays inside the provider that made it. */
export interface HpkeKeyPair {
  readonly kemId: number;
  /** The serialized public key, Npk bytes. */
  readonly publicKey: Uint8Array;
}

/** What both ends of an HPKE context can do (RFC 9180 §5.3). */
export interface HpkeExporter {
  /** A secret that only the two ends know. @param length bytes, at most 8,160 */
  export(exporterContext: Uint8Array, length: number): Awaitable<Uint8Array>;
}

/** The sender's end (RFC 9180 §5.2). Every call uses the next nonce. */
export interface HpkeSender extends HpkeExporter {
  /** @returns ciphertext ‖ 16-byte tag */
  seal(plaintext: Uint8Array, aad: Uint8Array): Awaitable<Uint8Array>;
}

/** The receiver's end (RFC 9180 §5.2). A failed call does not use up a nonce; no plaintext leaves before the tag. */
export interface HpkeReceiver extends HpkeExporter {
  open(sealed: Uint8Array, aad: Uint8Array): Awaitable<Uint8Array>;
}

/** An AEAD key that has been imported, for many messages under nonces that the caller never repeats. */
export interface AeadKey {
  /** @param nonce 12 bytes. @returns ciphertext ‖ 16-byte tag */
  seal(nonce: Uint8Array, plaintext: Uint8Array, aad: Uint8Array): Awaitable<Uint8Array>;
  /** @param nonce 12 bytes. Throws when the tag does not verify; no plaintext leaves before it has. */
  open(nonce: Uint8Array, sealed: Uint8Array, aad: Uint8Array): Awaitable<Uint8Array>;
}

/**
 * HPKE in base mode (RFC 9180 §5.1.1), so that each runtime can bring its fastest. {@link createHpke} makes one that
 * runs everywhere; `@sotto/protocol/node` has one over `node:crypto` that answers synchronously.
 *
 * Failures throw whatever the runtime throws, and its text may name the step that failed: the protocols above put
 * their own errors in its place.
 */
export interface HpkeProvider {
  /** Whether all three algorithms of a suite can be had here. */
  supports(suite: HpkeSuite): boolean;
  /** Bytes from the runtime's cryptographic random source. */
  randomBytes(length: number): Uint8Array;
  generateKeyPair(kemId: number): Awaitable<HpkeKeyPair>;
  /**
   * The key pair of a secret of at least Nsk uniformly random bytes (RFC 9180 §7.1.3): how replicas that share one
   * secret come to share a key.
   */
  deriveKeyPair(kemId: number, inputKeyMaterial: Uint8Array): Awaitable<HpkeKeyPair>;
  /** Imports a key pair from its serialized halves, Nsk and Npk bytes. */
  importKeyPair(kemId: number, privateKey: Uint8Array, publicKey: Uint8Array): Awaitable<HpkeKeyPair>;
  /** Imports a receiver's public key, Npk bytes. Throws for bytes that are no key. */
  importPublicKey(kemId: number, bytes: Uint8Array): Awaitable<HpkePublicKey>;
  /** Starts a context to a receiver. `enc`, Nenc bytes, is what the receiver needs. */
  setupSender(
    suite: HpkeSuite,
    publicKey: HpkePublicKey,
    info: Uint8Array,
  ): Awaitable<{ readonly enc: Uint8Array; readonly context: HpkeSender }>;
  /** Takes up a sender's context. @param enc Nenc bytes */
  setupReceiver(suite: HpkeSuite, keyPair: HpkeKeyPair, enc: Uint8Array, info: Uint8Array): Awaitable<HpkeReceiver>;
  /** Imports a key of Nk bytes, of which it keeps its own copy. */
  importAeadKey(aeadId: number, key: Uint8Array): Awaitable<AeadKey>;
  /** HKDF-SHA256-Extract (RFC 5869 §2.2). @returns 32 bytes */
  hkdfExtract(salt: Uint8Array, inputKey: Uint8Array): Awaitable<Uint8Array>;
  /** HKDF-SHA256-Expand (RFC 5869 §2.3). */
  hkdfExpand(pseudorandomKey: Uint8Array, info: Uint8Array, length: number): Awaitable<Uint8Array>;
}
