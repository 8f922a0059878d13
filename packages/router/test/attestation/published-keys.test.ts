import { type AttestationPolicyInput, parseBundle, verifyBundle } from '@sotto/attestation';
import { createSyntheticPlatforms, type SyntheticPlatforms } from '@sotto/attestation/testing';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { EvidencePublisher } from '../../src/attestation/evidence-publisher.ts';
import { selfVerification } from '../../src/attestation/self-verification.ts';
import { parseConfig } from '../../src/config/parse.ts';
import { type GenerationSeed, nextSeed } from '../../src/hpke-keys/key-generation.ts';
import { KeySchedule } from '../../src/hpke-keys/key-schedule.ts';
import { keyClaims } from '../../src/key-claims.ts';

const ORIGIN = 'https://router.example';
const PERIODS = { rotationMs: 86_400_000, overlapMs: 3_600_000 };
const RECEIPT_KEY = new Uint8Array(32).fill(5);
const POLICY: AttestationPolicyInput = {
  platforms: [{ type: 'tdx', mrTd: ['7d'.repeat(48)], rtmr: { 1: ['a1'.repeat(48)], 2: ['a2'.repeat(48)] } }],
};
const config = parseConfig({ auth: 'open', publicUrl: ORIGIN, upstreams: [{ name: 'u', type: 'builtin' }] });
let platforms: SyntheticPlatforms;

beforeAll(async () => {
  platforms = await createSyntheticPlatforms(new Date());
}, 60_000);

/** One process of a router on synthetic TDX, with keys of `seed`. */
async function worker(seed: GenerationSeed) {
  const keys = new KeySchedule();
  await keys.add(seed);
  const publisher = new EvidencePublisher({
    attester: { type: 'tdx', attest: (reportData) => platforms.attest('tdx', reportData) },
    claims: () => keyClaims(config, keys, null, { receiptKey: RECEIPT_KEY }),
    verify: selfVerification({ roots: platforms.roots }),
    timeoutMs: 5_000,
  });
  onTestFinished(() => {
    publisher.close();
    keys.destroy();
  });
  return { keys, publisher };
}

const verify = (body: Uint8Array, nonce?: Uint8Array) =>
  verifyBundle(body, POLICY, { expectedOrigin: ORIGIN, roots: platforms.roots, nonce });

describe('evidence of a router on hardware', () => {
  test('gives a client the keys to seal to, and after a rotation the new ones', async () => {
    const first = nextSeed(null, PERIODS, Date.now());
    const { keys, publisher } = await worker(first);
    const before = await verify((await publisher.current()).body);
    expect(before).toMatchObject({ status: 'affirming', keyConfigs: keys.encodedConfigs, receiptKey: RECEIPT_KEY });
    expect(before.ehbpKey).toEqual(keys.current.ehbpKeyPair.publicKey);
    await keys.add(nextSeed(first, PERIODS, Date.now()));
    const after = await verify((await publisher.current()).body);
    expect(after.keyConfigs).toEqual(keys.encodedConfigs);
    expect(after.epoch).toBeGreaterThan(before.epoch);
  });

  test('answers a client’s challenge', async () => {
    const { publisher } = await worker(nextSeed(null, PERIODS, Date.now()));
    const nonce = crypto.getRandomValues(new Uint8Array(32));
    await expect(verify(await publisher.answer(nonce), nonce)).resolves.toMatchObject({ type: 'tdx' });
  });

  test('is of the same claims whichever of its processes is asked', async () => {
    const seed = nextSeed(null, PERIODS, Date.now());
    const bundles = await Promise.all(
      [1, 2].map(async () => (await (await worker(structuredClone(seed))).publisher.current()).body),
    );
    const [one, other] = bundles.map((body) => parseBundle(body).claims);
    expect(one).toEqual(other);
    for (const body of bundles) await expect(verify(body)).resolves.toMatchObject({ epoch: seed.epoch });
  });
});
