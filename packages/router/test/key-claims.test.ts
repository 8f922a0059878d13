import { parseClaims, serializeClaims } from '@sotto/protocol/key-statement';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parseConfig } from '../src/config/parse.ts';
import { nextSeed } from '../src/hpke-keys/key-generation.ts';
import { KeySchedule } from '../src/hpke-keys/key-schedule.ts';
import { keyClaims } from '../src/key-claims.ts';

const config = parseConfig({
  auth: 'open',
  publicUrl: 'https://router.example/base',
  upstreams: [{ name: 'u', type: 'builtin' }],
});
const standing = { receiptKey: new Uint8Array(32).fill(1), upstreamPolicySha256: 'ab'.repeat(32) };

function schedule(): KeySchedule {
  const keys = new KeySchedule();
  onTestFinished(() => keys.destroy());
  return keys;
}

describe('the claims', () => {
  test('of processes that share keys are the same to the byte, so that evidence of one is evidence of all', async () => {
    const seed = nextSeed(null, { rotationMs: 86_400_000, overlapMs: 3_600_000 }, Date.now());
    const [one, other] = [schedule(), schedule()];
    await one.add(seed);
    await other.add(structuredClone(seed));
    const claims = keyClaims(config, one, null, standing);
    expect(serializeClaims(keyClaims(config, other, null, standing))).toEqual(serializeClaims(claims));
    expect(parseClaims(serializeClaims(claims))).toEqual(claims);
    expect(claims).toMatchObject({ ...standing, origin: 'https://router.example', epoch: seed.epoch });
  });

  test('name the commit and the image where the configuration knows them, and stay silent where not', async () => {
    const software = { commit: 'ab'.repeat(20), imageDigest: `sha256:${'cd'.repeat(32)}` };
    const keys = schedule();
    await keys.add(nextSeed(null, { rotationMs: 86_400_000, overlapMs: 3_600_000 }, Date.now()));
    const built = { ...config, attestation: { ...config.attestation, software } };
    expect(parseClaims(serializeClaims(keyClaims(built, keys, null))).software).toMatchObject(software);
    expect(parseClaims(serializeClaims(keyClaims(config, keys, null))).software.commit).toBeUndefined();
  });

  test('change with every rotation', async () => {
    const periods = { rotationMs: 86_400_000, overlapMs: 3_600_000 };
    const keys = schedule();
    const first = nextSeed(null, periods, Date.now());
    await keys.add(first);
    const before = keyClaims(config, keys, null);
    await keys.add(nextSeed(first, periods, Date.now()));
    const after = keyClaims(config, keys, null);
    expect(after.kid).not.toBe(before.kid);
    expect(after.epoch).toBeGreaterThan(before.epoch);
  });
});
