import { beforeAll, describe, expect, it } from 'vitest';
import { verifyEvidence } from '../src/evidence.ts';
import type { Evidence } from '../src/evidence-schema.ts';
import { createSyntheticPlatforms, type SyntheticPlatforms } from '../src/testing/synthetic-router.ts';
import { type Flip, tryFlips } from './recorded/bit-flips.ts';
import { seeded } from './seeded.ts';

// As on the recordings of real hardware, which not every machine has.
const NOW = new Date('2026-03-01T12:00:00Z');
const REPORT_DATA = new Uint8Array(64).fill(0x42);
let platforms: SyntheticPlatforms;

beforeAll(async () => {
  platforms = await createSyntheticPlatforms(NOW);
}, 60_000);

/** One bit of every `step`th byte, which bit by a seed. */
function* oneBitOf(length: number, step: number): Generator<Flip> {
  const random = seeded(length);
  for (let offset = random() % step; offset < length; offset += step) yield [offset, random() % 8];
}

const verify = (evidence: Evidence) => verifyEvidence(evidence, REPORT_DATA, { now: NOW, roots: platforms.roots });

describe('evidence with one bit flipped', () => {
  it.each([
    ['sev-snp', 'report', 1],
    ['sev-snp', 'leaf', 2],
    ['sev-snp', 'ask', 4],
    ['sev-snp', 'ark', 4],
    ['sev-snp', 'crl', 2],
    ['tdx', 'quote', 4],
    ['aws-nitro', 'document', 4],
    ['software', 'publicKey', 1],
    ['software', 'signature', 1],
  ] as const)('is never accepted: %s, %s', async (type, member, step) => {
    const evidence = await platforms.attest(type, REPORT_DATA);
    const bytes = Object.entries(evidence).find(([name]) => name === member)?.[1];
    if (!(bytes instanceof Uint8Array)) throw new RangeError(`no ${member}`);
    const file = { file: member, bytes, verify: (flipped: Uint8Array) => verify({ ...evidence, [member]: flipped }) };
    await expect(file.verify(bytes)).resolves.toBeDefined();
    const { flips, accepted } = await tryFlips(file, oneBitOf(bytes.length, step));
    expect(flips).toBeGreaterThanOrEqual(Math.floor(bytes.length / step));
    expect(accepted).toEqual([]);
  });

  it.each(['tcbInfo', 'qeIdentity', 'pckCrl', 'rootCaCrl'] as const)(
    'is never accepted: %s of Intel',
    async (member) => {
      const evidence = await platforms.tdx.attest(REPORT_DATA);
      const value = evidence.collateral[member];
      const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
      const read = (flipped: Uint8Array) => (typeof value === 'string' ? new TextDecoder().decode(flipped) : flipped);
      const file = {
        file: member,
        bytes,
        verify: (flipped: Uint8Array) =>
          verify({ type: 'tdx', ...evidence, collateral: { ...evidence.collateral, [member]: read(flipped) } }),
      };
      await expect(file.verify(bytes)).resolves.toBeDefined();
      expect((await tryFlips(file, oneBitOf(bytes.length, 4))).accepted).toEqual([]);
    },
  );
});
