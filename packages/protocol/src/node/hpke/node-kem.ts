/** A receiver's public key, ready to encapsulate to. */
export interface NodeEncapsulationKey {
  /**
   * Makes a shared secret and the bytes that carry it.
   * @param randomness what test vectors fix; left out, and it always is outside of tests, the runtime's own
   */
  encapsulate(randomness?: Uint8Array): { readonly sharedSecret: Uint8Array; readonly enc: Uint8Array };
}

/** A receiver's private key. */
export interface NodeDecapsulationKey {
  /** Serialized, Npk bytes. */
  readonly publicKey: Uint8Array;
  decapsulate(enc: Uint8Array): Uint8Array;
}

/** A KEM over `node:crypto` (RFC 9180 §4), every call synchronous. Lengths are checked by the caller. */
export interface NodeKem {
  importPublicKey(bytes: Uint8Array): NodeEncapsulationKey;
  importPrivateKey(bytes: Uint8Array): NodeDecapsulationKey;
  /** The serialized private key that DeriveKeyPair makes (RFC 9180 §7.1.3). */
  derivePrivateKey(inputKeyMaterial: Uint8Array): Uint8Array;
}
