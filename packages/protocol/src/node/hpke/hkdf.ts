import { hash } from 'node:crypto';
import { concatBytes, encodeUtf8 } from '../../bytes.ts';
import { HASH_BYTES } from '../../hpke/suite.ts';

const BLOCK_BYTES = 64; // FIPS 180-4 §1, table 1: SHA-256's block
const VERSION = encodeUtf8('HPKE-v1'); // RFC 9180 §4

/**
 * HMAC-SHA-256 (RFC 2104 §2) of the parts in a row, out of two one-shot hashes: `createHmac` costs three times as much
 * on Node 24.
 * @param key at most 64 bytes
 */
function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const inner = concatBytes(new Uint8Array(BLOCK_BYTES), ...parts);
  const outer = new Uint8Array(BLOCK_BYTES + HASH_BYTES);
  for (let index = 0; index < BLOCK_BYTES; index++) {
    const byte = key[index] ?? 0;
    inner[index] = byte ^ 0x36; // RFC 2104 §2: ipad
    outer[index] = byte ^ 0x5c; // RFC 2104 §2: opad
  }
  outer.set(hash('sha256', inner, 'buffer'), BLOCK_BYTES);
  const mac = hash('sha256', outer, 'buffer');
  inner.fill(0);
  outer.fill(0);
  return new Uint8Array(mac.buffer, mac.byteOffset, mac.length);
}

/** HKDF-Extract (RFC 5869 §2.2). @param salt of any length. @returns 32 bytes */
export function hkdfExtract(salt: Uint8Array, ...inputKey: readonly Uint8Array[]): Uint8Array {
  // RFC 2104 §2: a key longer than a block is hashed first. A salt is `enc ‖ nonce`, 1,152 bytes with ML-KEM.
  return hmacSha256(salt.length > BLOCK_BYTES ? hash('sha256', salt, 'buffer') : salt, ...inputKey);
}

/** HKDF-Expand (RFC 5869 §2.3). @param length at most 8,160 bytes */
export function hkdfExpand(pseudorandomKey: Uint8Array, info: Uint8Array, length: number): Uint8Array {
  if (length > 255 * HASH_BYTES) throw new RangeError('HKDF expands to at most 8,160 bytes'); // RFC 5869 §2.3
  const output = new Uint8Array(length);
  let block: Uint8Array = new Uint8Array(0);
  for (let filled = 0, counter = 1; filled < length; filled += HASH_BYTES, counter++) {
    block = hmacSha256(pseudorandomKey, block, info, Uint8Array.of(counter));
    output.set(block.subarray(0, length - filled), filled);
  }
  return output;
}

/** LabeledExtract and LabeledExpand (RFC 9180 §4) under one suite id. */
export class LabeledKdf {
  readonly #prefix: Uint8Array;

  /** @param suiteId "KEM" ‖ kem_id, or "HPKE" ‖ kem_id ‖ kdf_id ‖ aead_id (RFC 9180 §4.1, §5.1) */
  constructor(suiteId: Uint8Array) {
    this.#prefix = concatBytes(VERSION, suiteId);
  }

  extract(salt: Uint8Array, label: Uint8Array, inputKey: Uint8Array): Uint8Array {
    return hkdfExtract(salt, this.#prefix, label, inputKey);
  }

  expand(pseudorandomKey: Uint8Array, label: Uint8Array, info: Uint8Array, length: number): Uint8Array {
    const labeledInfo = concatBytes(Uint8Array.of(length >> 8, length & 0xff), this.#prefix, label, info);
    return hkdfExpand(pseudorandomKey, labeledInfo, length);
  }
}
