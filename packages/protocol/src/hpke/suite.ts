/** MLKEM768-X25519, also called X-Wing (draft-ietf-hpke-pq §4). */
export const KEM_MLKEM768_X25519 = 0x647a;
/** DHKEM(X25519, HKDF-SHA256) (RFC 9180 §7.1). */
export const KEM_X25519 = 0x0020;
/** ML-KEM-768 on its own (draft-ietf-hpke-pq §3): taken for the sake of peers, offered by nobody here. */
export const KEM_MLKEM768 = 0x0041;
/** HKDF-SHA256 (RFC 9180 §7.2). */
export const KDF_HKDF_SHA256 = 0x0001;
/** AES-128-GCM (RFC 9180 §7.3). */
export const AEAD_AES_128_GCM = 0x0001;
/** AES-256-GCM (RFC 9180 §7.3). */
export const AEAD_AES_256_GCM = 0x0002;
/** ChaCha20Poly1305 (RFC 9180 §7.3). */
export const AEAD_CHACHA20_POLY1305 = 0x0003;

/** Bytes of an AEAD nonce, Nn: the same for all three AEADs (RFC 9180 §7.3). */
export const NONCE_BYTES = 12;
/** Bytes of an AEAD tag, Nt: the same for all three AEADs (RFC 9180 §7.3). */
export const TAG_BYTES = 16;
/** Bytes that HKDF-SHA256 extracts, Nh (RFC 9180 §7.2). */
export const HASH_BYTES = 32;

/** One KDF and one AEAD by their registered numbers, as a key configuration lists them. */
export interface SymmetricSuite {
  readonly kdfId: number;
  readonly aeadId: number;
}

/** An HPKE cipher suite by its registered numbers (RFC 9180 §7). Numbers from the wire: it may be unknown. */
export interface HpkeSuite extends SymmetricSuite {
  readonly kemId: number;
}

/** The lengths of a KEM, in bytes (RFC 9180 §7.1). */
export interface KemLengths {
  /** Npk. */
  readonly publicKey: number;
  /** Nsk. */
  readonly privateKey: number;
  /** Nenc. */
  readonly enc: number;
}

const KEM_LENGTHS: ReadonlyMap<number, KemLengths> = new Map([
  [KEM_MLKEM768_X25519, { publicKey: 1216, privateKey: 32, enc: 1120 }], // draft-ietf-hpke-pq §4
  [KEM_X25519, { publicKey: 32, privateKey: 32, enc: 32 }], // RFC 9180 §7.1
  [KEM_MLKEM768, { publicKey: 1184, privateKey: 64, enc: 1088 }], // draft-ietf-hpke-pq §3
]);

const AEAD_KEY_BYTES: ReadonlyMap<number, number> = new Map([
  [AEAD_AES_128_GCM, 16], // RFC 9180 §7.3
  [AEAD_AES_256_GCM, 32], // RFC 9180 §7.3
  [AEAD_CHACHA20_POLY1305, 32], // RFC 9180 §7.3
]);

/** The lengths of a KEM, or null for one that this project does not know. */
export function kemLengths(kemId: number): KemLengths | null {
  return KEM_LENGTHS.get(kemId) ?? null;
}

/** Bytes of an AEAD's key, Nk, or null for an AEAD that this project does not know. */
export function aeadKeyBytes(aeadId: number): number | null {
  return AEAD_KEY_BYTES.get(aeadId) ?? null;
}
