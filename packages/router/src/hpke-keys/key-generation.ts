import { hkdfSync, randomBytes, randomInt } from 'node:crypto';
import {
  AEAD_AES_128_GCM,
  AEAD_AES_256_GCM,
  AEAD_CHACHA20_POLY1305,
  type HpkeKeyPair,
  KDF_HKDF_SHA256,
  KEM_MLKEM768_X25519,
  KEM_X25519,
} from '@sotto/protocol/hpke';
import { nodeHpke } from '@sotto/protocol/node';
import type { GatewayKey, KeyConfig } from '@sotto/protocol/ohttp';

/** Key ids are one byte (RFC 9458 §3.1). */
const KEY_IDS = 256;
/** Offered KEMs, the better first; each takes one key id of a generation. */
const KEM_IDS = [KEM_MLKEM768_X25519, KEM_X25519] as const;
const SECRET_BYTES = 32;

/** HKDF's info for the secret that follows a secret. */
const SUCCESSION_LABEL = 'sotto/hpke-keys/succession/v1';

const SUITES = [
  { kdfId: KDF_HKDF_SHA256, aeadId: AEAD_AES_256_GCM },
  { kdfId: KDF_HKDF_SHA256, aeadId: AEAD_AES_128_GCM },
  { kdfId: KDF_HKDF_SHA256, aeadId: AEAD_CHACHA20_POLY1305 },
];

/**
 * What a generation of keys is derived from. It is made in one process and goes to those that share the keys; to
 * other machines sealed, and kept on the way no longer than the keys live.
 */
export interface GenerationSeed {
  /** The first of its key ids. */
  readonly firstKeyId: number;
  /** Grows from generation to generation, and from start to start. */
  readonly epoch: number;
  /** Unix time in milliseconds. */
  readonly madeAtMs: number;
  /** When the next generation is due. */
  readonly rotateAtMs: number;
  /** When nothing sealed to these keys is opened any more. */
  readonly destroyAtMs: number;
  /** 32 bytes for each KEM, then 32 for ehbp; base64. */
  readonly secrets: readonly string[];
}

/** How long keys serve. */
export interface RotationPeriods {
  readonly rotationMs: number;
  /** How long a key is still opened after its successor came. */
  readonly overlapMs: number;
}

/** Makes the seed of the generation after `previous`, or of the first one. */
export function nextSeed(
  previous: Pick<GenerationSeed, 'firstKeyId' | 'epoch'> | null,
  periods: RotationPeriods,
  nowMs: number,
): GenerationSeed {
  const firstKeyId = previous === null ? randomInt(KEY_IDS) : (previous.firstKeyId + KEM_IDS.length) % KEY_IDS;
  const rotateAtMs = nowMs + periods.rotationMs;
  return {
    firstKeyId,
    epoch: Math.max(Math.floor(nowMs / 1000), (previous?.epoch ?? 0) + 1),
    madeAtMs: nowMs,
    rotateAtMs,
    destroyAtMs: rotateAtMs + periods.overlapMs,
    secrets: Array.from({ length: KEM_IDS.length + 1 }, () => randomBytes(SECRET_BYTES).toString('base64')),
  };
}

/**
 * Derives the seed of the generation after `previous` from it, so that all who have that one come to the same without a
 * word between them. Nothing leads back, so what was sealed before stays closed; but who had stolen `previous` has this
 * one too: only while those who share keys cannot reach each other.
 * @param delayMs after `previous` was due to be followed
 */
export function succeedingSeed(previous: GenerationSeed, periods: RotationPeriods, delayMs: number): GenerationSeed {
  const madeAtMs = previous.rotateAtMs + delayMs;
  const rotateAtMs = madeAtMs + periods.rotationMs;
  return {
    // Not the ids that somebody who can reach the others takes for the generation made there.
    firstKeyId: (previous.firstKeyId + 2 * KEM_IDS.length) % KEY_IDS,
    epoch: Math.max(Math.floor(madeAtMs / 1000), previous.epoch + 1),
    madeAtMs,
    rotateAtMs,
    destroyAtMs: rotateAtMs + periods.overlapMs,
    secrets: previous.secrets.map((secret) => {
      const bytes = Buffer.from(secret, 'base64');
      const next = hkdfSync('sha256', bytes, new Uint8Array(0), SUCCESSION_LABEL, SECRET_BYTES);
      bytes.fill(0);
      return Buffer.from(next).toString('base64');
    }),
  };
}

/** A generation's keys. */
export interface KeyGeneration {
  readonly seed: Omit<GenerationSeed, 'secrets'>;
  /** How long the generation before it is still opened. */
  readonly overlapMs: number;
  /** For ohttp, the better KEM first. */
  readonly configs: readonly KeyConfig[];
  readonly gatewayKeys: ReadonlyMap<number, GatewayKey>;
  /** For ehbp, and for nothing else. */
  readonly ehbpKeyPair: HpkeKeyPair;
}

/** Derives a generation's keys. */
export async function deriveGeneration({ secrets, ...seed }: GenerationSeed): Promise<KeyGeneration> {
  const derive = async (kemId: number, index: number): Promise<HpkeKeyPair> => {
    const secret = Buffer.from(secrets[index] ?? '', 'base64');
    const keyPair = await nodeHpke.deriveKeyPair(kemId, secret);
    secret.fill(0);
    return keyPair;
  };
  const configs: KeyConfig[] = [];
  const gatewayKeys = new Map<number, GatewayKey>();
  for (const [index, kemId] of KEM_IDS.entries()) {
    const keyId = (seed.firstKeyId + index) % KEY_IDS;
    const keyPair = await derive(kemId, index);
    configs.push({ keyId, kemId, publicKey: keyPair.publicKey, suites: SUITES });
    gatewayKeys.set(keyId, { keyPair, suites: SUITES });
  }
  const overlapMs = seed.destroyAtMs - seed.rotateAtMs;
  return { seed, overlapMs, configs, gatewayKeys, ehbpKeyPair: await derive(KEM_X25519, KEM_IDS.length) };
}
