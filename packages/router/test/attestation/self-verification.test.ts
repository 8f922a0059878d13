import { EVIDENCE_TYPES, type Evidence, type EvidenceType } from '@sotto/attestation';
import {
  createSyntheticBundleText,
  createSyntheticPlatforms,
  type SyntheticBundleInput,
  type SyntheticPlatforms,
} from '@sotto/attestation/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import { selfVerification } from '../../src/attestation/self-verification.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const ORIGIN = 'https://router.example';
const NONCE = new Uint8Array(32).fill(0xab);
let platforms: SyntheticPlatforms;

beforeAll(async () => {
  platforms = await createSyntheticPlatforms(NOW);
}, 60_000);

const bundle = (type: EvidenceType, members: Partial<SyntheticBundleInput> = {}) =>
  createSyntheticBundleText({
    platforms,
    type,
    keyConfig: new Uint8Array(41),
    origin: ORIGIN,
    now: NOW,
    ...members,
  });

const verify = (text: string, type: EvidenceType, nonce?: Uint8Array) =>
  selfVerification({ now: () => NOW, roots: platforms.roots })(text, { type, origin: ORIGIN, nonce });

describe('the router’s check of its own evidence', () => {
  test.each(EVIDENCE_TYPES)('takes %s of any software, static and challenged', async (type) => {
    const found = await verify(await bundle(type), type);
    expect(found).toMatchObject({ objections: [] });
    expect(found.validUntilMs).toBeGreaterThan(NOW.getTime());
    await expect(verify(await bundle(type, { nonce: NONCE }), type, NONCE)).resolves.toMatchObject({ objections: [] });
  });

  test('tells the measurements that clients have to list', async () => {
    const found = await verify(await bundle('sev-snp'), 'sev-snp');
    expect(found.measurements).toMatchObject({ measurement: '5a'.repeat(48) });
  });

  test('passes on what policies will object to, and does not judge it', async () => {
    const attest = async (reportData: Uint8Array): Promise<Evidence> => ({
      type: 'sev-snp',
      ...(await platforms.sevSnp.attest(reportData, { policy: 0xb0000n })),
    });
    await expect(verify(await bundle('sev-snp', { attest }), 'sev-snp')).resolves.toEqual({
      validUntilMs: null,
      measurements: {},
      advisories: [],
      objections: ['the guest may be debugged by its host'],
    });
  });

  test.each<[string, string, Partial<SyntheticBundleInput>, Uint8Array | undefined]>([
    ['answers no challenge', 'nonce_mismatch', {}, NONCE],
    ['is of another origin', 'audience_mismatch', { origin: 'https://other.example' }, undefined],
    ['is of claims that have expired', 'claims_expired', { claims: { iat: 1, exp: 2 } }, undefined],
  ])('refuses a bundle that %s', async (_, code, members, nonce) => {
    await expect(verify(await bundle('tdx', members), 'tdx', nonce)).rejects.toMatchObject({ code });
  });

  test('refuses stale collateral before a client has to', async () => {
    const later = new Date(NOW.getTime() + 40 * 86_400_000);
    const stale = await bundle('tdx', { now: later });
    const check = selfVerification({ now: () => later, roots: platforms.roots });
    await expect(check(stale, { type: 'tdx', origin: ORIGIN, nonce: undefined })).rejects.toMatchObject({
      code: 'collateral_expired',
    });
  });

  test('refuses evidence of another root than the vendor’s', async () => {
    const check = selfVerification({ now: () => NOW });
    const text = await bundle('tdx');
    await expect(check(text, { type: 'tdx', origin: ORIGIN, nonce: undefined })).rejects.toMatchObject({
      code: 'chain_untrusted',
    });
  });
});
