import { type CryptoProvider, encodeHex } from '@sotto/protocol';
import { KEM_MLKEM768_X25519 } from '@sotto/protocol/hpke';
import type { Recipient } from '@sotto/protocol/ohttp';
import type { Trust } from './key-source.ts';
import { suiteName } from './suite-name.ts';

/** What requests are sealed with now, in words that can be shown to a person. */
export interface SecureConnection {
  readonly protocol: 'ohttp';
  readonly trust: Trust;
  /** The HPKE suite: `MLKEM768-X25519, HKDF-SHA256, AES-256-GCM`. */
  readonly suite: string;
  /** Whether who records the traffic today gains nothing by a quantum computer later. */
  readonly postQuantum: boolean;
  /** 0 to 255. */
  readonly keyId: number;
  /** SHA-256 of the router's serialized public key, 64 hexadecimal digits. */
  readonly keyFingerprint: string;
}

/** Says what a key and its suite are. */
export async function describeConnection(
  crypto: Pick<CryptoProvider, 'sha256'>,
  { keyId, suite, publicKey }: Recipient,
  trust: Trust,
): Promise<SecureConnection> {
  return {
    protocol: 'ohttp',
    trust,
    suite: suiteName(suite),
    postQuantum: suite.kemId === KEM_MLKEM768_X25519,
    keyId,
    keyFingerprint: encodeHex(await crypto.sha256(publicKey.bytes)),
  };
}
