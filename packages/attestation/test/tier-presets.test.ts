import { describe, expect, it } from 'vitest';
import type { AttestationPolicyInput, PlatformPolicyInput } from '../src/policy/policy.ts';
import { tierPreset } from '../src/tier-presets.ts';
import { codeOf } from './expect-failure.ts';

const DIGEST = 'ab'.repeat(48);
const SNP: Extract<PlatformPolicyInput, { type: 'sev-snp' }> = { type: 'sev-snp', measurements: [DIGEST] };
const TDX: Extract<PlatformPolicyInput, { type: 'tdx' }> = {
  type: 'tdx',
  mrTd: [DIGEST],
  rtmr: { 1: [DIGEST], 2: [DIGEST] },
};

describe('tierPreset', () => {
  it('makes evidence optional in tier standard, and leaves the policy as it is', () => {
    const { evidenceRequired, policy } = tierPreset('standard', { platforms: [SNP], dangerouslyAllowSoftware: true });
    expect(evidenceRequired).toBe(false);
    expect(policy).toMatchObject({ freshness: 'static', dangerouslyAllowSoftware: true });
  });

  it('asks for evidence of at most a day, and a least TCB, in tier high', () => {
    const { evidenceRequired, policy } = tierPreset('high', { platforms: [SNP, TDX] });
    expect(evidenceRequired).toBe(true);
    expect(policy).toMatchObject({
      freshness: 'static',
      maxAgeSeconds: 86_400,
      platforms: [
        { products: ['Genoa', 'Turin'], minTcb: { Milan: { snp: 24 }, Genoa: { snp: 23 } }, vmpl: [0] },
        { tcbStatus: ['UpToDate'] },
      ],
    });
  });

  it('keeps what the author lists in tier high: another TCB, Milan, software hardening', () => {
    const milan: PlatformPolicyInput = { ...SNP, products: ['Milan'], minTcb: { Milan: { snp: 22 } } };
    const hardening: PlatformPolicyInput = { ...TDX, tcbStatus: ['UpToDate', 'SWHardeningNeeded'] };
    expect(tierPreset('high', { platforms: [milan, hardening], maxAgeSeconds: 60 }).policy).toMatchObject({
      maxAgeSeconds: 60,
      platforms: [{ minTcb: { Milan: { snp: 22 } } }, { tcbStatus: ['UpToDate', 'SWHardeningNeeded'] }],
    });
  });

  it('asks for a challenge, revocation lists and the alias check in tier maximum', () => {
    expect(tierPreset('maximum', { platforms: [SNP, TDX] })).toMatchObject({
      evidenceRequired: true,
      policy: {
        freshness: 'nonce',
        maxAgeSeconds: 300,
        requireCrl: true,
        platforms: [{ requireAliasCheck: true }, {}],
      },
    });
    expect(tierPreset('maximum', { platforms: [{ ...SNP, allowVlek: true }] }).policy.platforms[0]).toMatchObject({
      allowVlek: true,
    });
  });

  it.each<[string, AttestationPolicyInput]>([
    ['software', { platforms: [SNP], dangerouslyAllowSoftware: true }],
    ['evidence of two days', { platforms: [SNP], maxAgeSeconds: 172_800 }],
    ['any measurement', { platforms: [{ type: 'sev-snp', dangerouslyAcceptAnyMeasurement: true }] }],
    ['a platform that is out of date', { platforms: [{ ...TDX, tcbStatus: ['UpToDate', 'OutOfDate'] }] }],
    ['a platform to be configured', { platforms: [{ ...TDX, tcbStatus: ['ConfigurationNeeded'] }] }],
  ])('refuses in tiers high and maximum a policy that allows %s', async (_, input) => {
    for (const tier of ['high', 'maximum'] as const) {
      expect(await codeOf(() => tierPreset(tier, input))).toBe('ConfigurationError invalid_option');
    }
  });

  it.each<[string, AttestationPolicyInput]>([
    ['static evidence', { platforms: [SNP], freshness: 'static' }],
    ['missing revocation lists', { platforms: [SNP], requireCrl: false }],
    ['evidence of six minutes', { platforms: [SNP], maxAgeSeconds: 360 }],
    ['Milan', { platforms: [{ ...SNP, products: ['Genoa', 'Milan'] }] }],
    ['memory with aliases', { platforms: [{ ...SNP, requireAliasCheck: false }] }],
    ['software hardening', { platforms: [{ ...TDX, tcbStatus: ['UpToDate', 'SWHardeningNeeded'] }] }],
    ['injected exceptions', { platforms: [{ ...TDX, allowSeptVeOff: true }] }],
  ])('refuses in tier maximum a policy that allows %s', async (_, input) => {
    expect(await codeOf(() => tierPreset('maximum', input))).toBe('ConfigurationError invalid_option');
  });

  it.each(['standard', 'high', 'maximum'] as const)('refuses an empty policy in tier %s', async (tier) => {
    expect(await codeOf(() => tierPreset(tier, { platforms: [] }))).toBe('ConfigurationError policy_empty');
    expect(await codeOf(() => tierPreset(tier, {}))).toBe('ConfigurationError policy_empty');
  });
});
