import { describe, expect, it } from 'vitest';
import { type AttestationPolicyInput, type PlatformPolicyInput, parsePolicy } from '../../src/policy/policy.ts';
import { codeOf } from '../expect-failure.ts';

const DIGEST = 'AB'.repeat(48);
const SYSTEM = { mrTd: [DIGEST], rtmr: { 1: [DIGEST], 2: [DIGEST] } };
const outcome = (input: AttestationPolicyInput) => codeOf(() => parsePolicy(input));

describe('parsePolicy', () => {
  it('fills in strict defaults, and reads hexadecimal in either case', () => {
    const policy = parsePolicy({
      platforms: [
        { type: 'sev-snp', measurements: [DIGEST] },
        { type: 'tdx', ...SYSTEM },
      ],
    });
    expect(policy).toMatchObject({
      freshness: 'static',
      maxAgeSeconds: 86_400,
      requireCrl: false,
      clockSkewSeconds: 300,
      dangerouslyAllowSoftware: false,
      platforms: [
        { measurements: [DIGEST.toLowerCase()], products: ['Genoa', 'Turin'], vmpl: [0], allowVlek: false },
        { tcbStatus: ['UpToDate'], allowSeptVeOff: false },
      ],
    });
  });

  it.each<[string, PlatformPolicyInput[]]>([
    ['no platform', []],
    ['SEV-SNP without measurements', [{ type: 'sev-snp' }]],
    ['SEV-SNP with an empty list of measurements', [{ type: 'sev-snp', measurements: [] }]],
    ['TDX without measurements', [{ type: 'tdx' }]],
    ['TDX with MRTD alone', [{ type: 'tdx', mrTd: [DIGEST] }]],
    ['TDX without RTMR2', [{ type: 'tdx', mrTd: [DIGEST], rtmr: { 1: [DIGEST] } }]],
    ['TDX with an empty RTMR1', [{ type: 'tdx', mrTd: [DIGEST], rtmr: { 1: [], 2: [DIGEST] } }]],
    ['dstack without an application', [{ type: 'dstack-tdx', ...SYSTEM }]],
    ['dstack without the system', [{ type: 'dstack-tdx', composeHashes: ['ab'.repeat(32)] }]],
    ['Nitro without registers', [{ type: 'aws-nitro' }]],
    ['Nitro without PCR0', [{ type: 'aws-nitro', pcrs: { 1: [DIGEST] } }]],
    ['one good and one empty', [{ type: 'tdx', ...SYSTEM }, { type: 'sev-snp' }]],
  ])('refuses as empty a policy with %s', async (_, platforms) => {
    expect(await outcome({ platforms })).toBe('ConfigurationError policy_empty');
  });

  it('refuses as empty a policy without any member', async () => {
    expect(await outcome({})).toBe('ConfigurationError policy_empty');
  });

  it('takes an empty platform where the author says that it is dangerous', () => {
    const types = ['sev-snp', 'tdx', 'dstack-tdx', 'aws-nitro'] as const;
    const platforms = types.map((type) => ({ type, dangerouslyAcceptAnyMeasurement: true }));
    expect(parsePolicy({ platforms }).platforms).toHaveLength(4);
    expect(parsePolicy({ dangerouslyAllowSoftware: true }).platforms).toEqual([]);
  });

  it.each<[string, unknown]>([
    ['a member that is not known', { platforms: [], more: 1 }],
    ['a platform that is not known', { platforms: [{ type: 'sgx' }] }],
    ['a member of a platform that is not known', { platforms: [{ type: 'sev-snp', measurement: [DIGEST] }] }],
    ['a measurement of another length', { platforms: [{ type: 'sev-snp', measurements: ['ab'] }] }],
    ['a measurement that is no hexadecimal', { platforms: [{ type: 'sev-snp', measurements: ['zz'.repeat(48)] }] }],
    ['a TCB status that is never good enough', { platforms: [{ type: 'tdx', ...SYSTEM, tcbStatus: ['Revoked'] }] }],
    ['a TCB that Intel does not list', { platforms: [{ type: 'tdx', ...SYSTEM, tcbStatus: ['NotSupported'] }] }],
    ['a VMPL above 3', { platforms: [{ type: 'sev-snp', measurements: [DIGEST], vmpl: [4] }] }],
    ['a register above 31', { platforms: [{ type: 'aws-nitro', pcrs: { 0: [DIGEST], 32: [DIGEST] } }] }],
    ['another freshness', { platforms: [{ type: 'tdx', ...SYSTEM }], freshness: 'none' }],
    ['an age of zero', { platforms: [{ type: 'tdx', ...SYSTEM }], maxAgeSeconds: 0 }],
    ['clocks two hours apart', { platforms: [{ type: 'tdx', ...SYSTEM }], clockSkewSeconds: 7_200 }],
    ['text in place of a policy', 'policy'],
  ])('refuses a policy with %s', async (_, input) => {
    expect(await outcome(input as AttestationPolicyInput)).toBe('ConfigurationError invalid_option');
  });
});
