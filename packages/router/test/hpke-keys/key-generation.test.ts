import { KEM_MLKEM768_X25519, KEM_X25519 } from '@sotto/protocol/hpke';
import { describe, expect, test } from 'vitest';
import { deriveGeneration, type GenerationSeed, nextSeed } from '../../src/hpke-keys/key-generation.ts';

const PERIODS = { rotationMs: 900_000, overlapMs: 60_000 };
const NOW = 1_800_000_000_000;
const DAY_MS = 86_400_000;

function seeds(count: number): readonly GenerationSeed[] {
  const made: GenerationSeed[] = [];
  for (let index = 0; index < count; index++) {
    made.push(nextSeed(made.at(-1) ?? null, PERIODS, NOW + index * PERIODS.rotationMs));
  }
  return made;
}

describe('a seed', () => {
  test('says when its keys begin, are followed and are destroyed', () => {
    expect(nextSeed(null, PERIODS, NOW)).toMatchObject({
      madeAtMs: NOW,
      rotateAtMs: NOW + 900_000,
      destroyAtMs: NOW + 960_000,
      epoch: NOW / 1000,
    });
  });

  test('begins at any key id, and goes on from there modulo 256', () => {
    expect(nextSeed({ firstKeyId: 254, epoch: 1 }, PERIODS, NOW).firstKeyId).toBe(0);
    expect(nextSeed({ firstKeyId: 255, epoch: 1 }, PERIODS, NOW).firstKeyId).toBe(1);
    const begins = new Set(Array.from({ length: 200 }, () => nextSeed(null, PERIODS, NOW).firstKeyId));
    expect(begins.size).toBeGreaterThan(50);
  });

  test('repeats no key id within a day at the fastest rotation that can be configured', () => {
    const inADay = seeds(DAY_MS / PERIODS.rotationMs).flatMap(({ firstKeyId }) => [firstKeyId, (firstKeyId + 1) % 256]);
    expect(inADay).toHaveLength(192);
    expect(new Set(inADay).size).toBe(192);
  });

  test('has a higher epoch than the one before, also when the clock has stepped back', () => {
    const before = nextSeed(null, PERIODS, NOW);
    expect(nextSeed(before, PERIODS, NOW + 900_000).epoch).toBe(NOW / 1000 + 900);
    expect(nextSeed(before, PERIODS, NOW).epoch).toBe(NOW / 1000 + 1);
    expect(nextSeed(before, PERIODS, NOW - DAY_MS).epoch).toBe(NOW / 1000 + 1);
  });

  test('has secrets of its own for each key, 32 bytes each', () => {
    const secrets = seeds(20).flatMap((seed) => seed.secrets);
    expect(secrets).toHaveLength(60);
    expect(new Set(secrets).size).toBe(60);
    for (const secret of secrets) expect(Buffer.from(secret, 'base64')).toHaveLength(32);
  });
});

describe('a generation', () => {
  test('is the same keys wherever it is derived, and keeps none of its secrets', async () => {
    const seed = nextSeed(null, PERIODS, NOW);
    const [one, other] = await Promise.all([deriveGeneration(seed), deriveGeneration(seed)]);
    expect(one.configs).toEqual(other.configs);
    expect(one.ehbpKeyPair.publicKey).toEqual(other.ehbpKeyPair.publicKey);
    expect('secrets' in one.seed).toBe(false);
    for (const secret of seed.secrets) expect(JSON.stringify(one)).not.toContain(secret);
  });

  test('offers the hybrid KEM before X25519, each under its own id', async () => {
    const { configs, gatewayKeys } = await deriveGeneration({ ...nextSeed(null, PERIODS, NOW), firstKeyId: 255 });
    expect(configs.map(({ keyId, kemId }) => [keyId, kemId])).toEqual([
      [255, KEM_MLKEM768_X25519],
      [0, KEM_X25519],
    ]);
    expect([...gatewayKeys.keys()]).toEqual([255, 0]);
    for (const { keyId, publicKey } of configs) expect(gatewayKeys.get(keyId)?.keyPair.publicKey).toEqual(publicKey);
  });

  test('has a key for ehbp that no other protocol uses', async () => {
    const { configs, ehbpKeyPair } = await deriveGeneration(nextSeed(null, PERIODS, NOW));
    for (const { publicKey } of configs) expect(publicKey).not.toEqual(ehbpKeyPair.publicKey);
    expect(ehbpKeyPair.kemId).toBe(KEM_X25519);
  });
});
