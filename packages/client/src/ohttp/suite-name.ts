import {
  AEAD_AES_128_GCM,
  AEAD_AES_256_GCM,
  AEAD_CHACHA20_POLY1305,
  type HpkeSuite,
  KEM_MLKEM768_X25519,
  KEM_X25519,
} from '@sotto/protocol/hpke';

const KEM_NAMES: ReadonlyMap<number, string> = new Map([
  [KEM_MLKEM768_X25519, 'MLKEM768-X25519'],
  [KEM_X25519, 'X25519'],
]);
const AEAD_NAMES: ReadonlyMap<number, string> = new Map([
  [AEAD_AES_256_GCM, 'AES-256-GCM'],
  [AEAD_AES_128_GCM, 'AES-128-GCM'],
  [AEAD_CHACHA20_POLY1305, 'ChaCha20-Poly1305'],
]);

/** A suite in words: `MLKEM768-X25519, HKDF-SHA256, AES-256-GCM`. */
export function suiteName({ kemId, aeadId }: HpkeSuite): string {
  const kem = KEM_NAMES.get(kemId) ?? `KEM ${kemId}`;
  const aead = AEAD_NAMES.get(aeadId) ?? `AEAD ${aeadId}`;
  return `${kem}, HKDF-SHA256, ${aead}`;
}
