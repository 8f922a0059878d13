import { ConfigurationError } from '@sotto/protocol';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/parse.ts';

const PIN = 'ab'.repeat(32);
const POLICY = { platforms: [{ type: 'sev-snp', measurements: ['5a'.repeat(48)] }] };
const COMMERCIAL = { baseUrl: 'https://api.provider.example/v1' };
const LOOPBACK = { baseUrl: 'http://127.0.0.1:8000/v1' };
const SOTTO = { type: 'sotto', baseUrl: 'https://router.example' };

function parse(upstream: object): void {
  parseConfig({ auth: 'open', upstreams: [{ name: 'a', ...upstream }] });
}

function refusal(upstream: object): string {
  try {
    parse(upstream);
  } catch (error) {
    if (!ConfigurationError.isInstance(error)) throw error;
    expect(error.code).toBe('invalid_config');
    return error.message;
  }
  throw new Error('the configuration was taken');
}

describe('an upstream is taken at', () => {
  test.each<[string, object]>([
    ['standard over plain http', { baseUrl: 'http://gpu.example/v1' }],
    ['high over https', { ...COMMERCIAL, tier: 'high' }],
    ['high with a pinned certificate', { ...COMMERCIAL, tier: 'high', tlsSpkiSha256: [PIN] }],
    ['high on loopback', { ...LOOPBACK, tier: 'high' }],
    ['maximum on loopback in the same TEE', { ...LOOPBACK, tier: 'maximum', sameTee: true }],
    ['maximum in the same process', { type: 'builtin', tier: 'maximum' }],
    ['high as a router whose signer is pinned', { ...SOTTO, tier: 'high', pinnedSigners: [PIN] }],
    ['high as a router that attests', { ...SOTTO, tier: 'high', attestation: POLICY }],
    ['maximum as a router that attests', { ...SOTTO, tier: 'maximum', attestation: POLICY }],
    ['maximum as a router that does both', { ...SOTTO, tier: 'maximum', attestation: POLICY, pinnedSigners: [PIN] }],
    ['standard as a router on loopback', { ...SOTTO, baseUrl: 'http://127.0.0.1:1', pinnedSigners: [PIN] }],
  ])('%s', (_what, upstream) => {
    expect(() => parse(upstream)).not.toThrow();
  });
});

describe('an upstream is refused', () => {
  const maximum = { tier: 'maximum' };
  const sevSnp = (more: object) => ({ platforms: [{ ...POLICY.platforms[0], ...more }] });

  test.each<[string, object, string]>([
    ['a commercial API at maximum', { ...COMMERCIAL, ...maximum }, 'tier'],
    ['the same of Anthropic', { ...COMMERCIAL, ...maximum, type: 'anthropic' }, 'tier'],
    ['the same on the operator’s word', { ...COMMERCIAL, ...maximum, sameTee: true }, 'sameTee'],
    ['the same with a pinned certificate', { ...COMMERCIAL, ...maximum, tlsSpkiSha256: [PIN] }, 'tier'],
    ['loopback at maximum without a word', { ...LOOPBACK, ...maximum }, 'tier'],
    ['high over plain http', { baseUrl: 'http://gpu.example/v1', tier: 'high' }, 'baseUrl'],
    ['a pin where there is no certificate', { ...LOOPBACK, tlsSpkiSha256: [PIN] }, 'tlsSpkiSha256'],
    ['a pin that is none', { ...COMMERCIAL, tlsSpkiSha256: ['abc'] }, 'tlsSpkiSha256'],
    ['an empty list of pins', { ...COMMERCIAL, tlsSpkiSha256: [] }, 'tlsSpkiSha256'],
    ['a router of which nothing is known', SOTTO, 'pinnedSigners'],
    ['a router over plain http', { ...SOTTO, baseUrl: 'http://router.example', pinnedSigners: [PIN] }, 'baseUrl'],
    ['a router on a socket', { ...SOTTO, baseUrl: 'unix:/run/r.sock', pinnedSigners: [PIN] }, 'baseUrl'],
    ['a router at maximum by its signer alone', { ...SOTTO, ...maximum, pinnedSigners: [PIN] }, 'attestation'],
    ['a policy without measurements', { ...SOTTO, attestation: { platforms: [] } }, 'attestation'],
    ['a policy that is none', { ...SOTTO, attestation: { platforms: 'sev-snp' } }, 'attestation'],
    ['a policy with a member too many', { ...SOTTO, attestation: { ...POLICY, platform: [] } }, 'attestation'],
    ['software evidence', { ...SOTTO, attestation: { dangerouslyAllowSoftware: true } }, 'attestation'],
    [
      'any measurement',
      { ...SOTTO, attestation: sevSnp({ measurements: [], dangerouslyAcceptAnyMeasurement: true }) },
      'attestation',
    ],
    [
      'evidence two days old, at high',
      { ...SOTTO, tier: 'high', attestation: { ...POLICY, maxAgeSeconds: 172_800 } },
      'attestation',
    ],
    [
      'static evidence at maximum',
      { ...SOTTO, ...maximum, attestation: { ...POLICY, freshness: 'static' } },
      'attestation',
    ],
    ['Milan at maximum', { ...SOTTO, ...maximum, attestation: sevSnp({ products: ['Milan'] }) }, 'attestation'],
  ])('where it is %s', (_what, upstream, key) => {
    expect(refusal(upstream)).toContain(`upstreams.0.${key}`);
  });

  test('where a router is in the same TEE by word: it proves what it is, or is told by its signer', () => {
    expect(refusal({ ...SOTTO, pinnedSigners: [PIN], sameTee: true })).toContain('there is no key sameTee');
  });

  test('with a reason: a server that reads the prompt cannot prove what it does with it', () => {
    expect(refusal({ ...COMMERCIAL, ...maximum })).toMatch(/reads the prompt and proves nothing/);
  });
});
