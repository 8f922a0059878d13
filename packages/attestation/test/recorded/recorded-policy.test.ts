import { describe, expect, it } from 'vitest';
import type { VerifiedEvidence } from '../../src/evidence.ts';
import { verifyNitro } from '../../src/nitro/verify.ts';
import { checkPolicy } from '../../src/policy/check-policy.ts';
import { type PlatformPolicyInput, parsePolicy } from '../../src/policy/policy.ts';
import { type VerifiedSevSnp, verifySevSnp } from '../../src/sev-snp/verify.ts';
import { type VerifiedTdx, verifyTdx } from '../../src/tdx/verify.ts';
import { amdChain, EXPECTED, hasSharedEvidence, readCollateral, recorded, recordedText } from './evidence-files.ts';

type SnpEntry = Extract<PlatformPolicyInput, { type: 'sev-snp' }>;
type TdxEntry = Extract<PlatformPolicyInput, { type: 'tdx' }>;

const codes = (evidence: VerifiedEvidence, entry: PlatformPolicyInput) =>
  checkPolicy(evidence, parsePolicy({ platforms: [entry] })).map(({ code }) => code);

async function snp(name: string): Promise<VerifiedSevSnp> {
  const entry = EXPECTED.snp.find((candidate) => candidate.name === name);
  if (entry === undefined) throw new RangeError(`no recording ${name}`);
  const evidence = { report: recorded(entry.report), leaf: recorded(entry.leaf), ...amdChain(entry) };
  return verifySevSnp(evidence, { now: entry.at });
}

async function tdx(name: string): Promise<VerifiedTdx> {
  const entry = EXPECTED.tdx.find((candidate) => candidate.name === name);
  if (entry === undefined) throw new RangeError(`no recording ${name}`);
  const evidence = { quote: recorded(entry.quote), collateral: readCollateral(recordedText(entry.collateral)) };
  return verifyTdx(evidence, { now: entry.at });
}

describe.runIf(hasSharedEvidence)('a policy for recorded evidence of SEV-SNP', () => {
  const outcome = async (name: string, entry: Partial<SnpEntry> = {}) => {
    const evidence = await snp(name);
    const products = ['Milan', 'Genoa', 'Turin'] as const;
    return codes(evidence, {
      type: 'sev-snp',
      measurements: [evidence.measurement],
      products: [...products],
      ...entry,
    });
  };

  it.each<[string, string, Partial<SnpEntry>]>([
    ['debug_enabled', 'google-milan-v2-DEBUG', {}],
    ['vmpl_not_allowed', 'trustee-milan-vlek-v3-VMPL1', { allowVlek: true }],
    ['vlek_not_allowed', 'trustee-milan-vlek-v3-VMPL1', { vmpl: [0, 1] }],
    ['product_not_allowed', 'azure-milan-v0', { products: ['Genoa', 'Turin'] }],
    ['alias_check_incomplete', 'virtee-milan-v2', { requireAliasCheck: true }],
    ['firmware_provisional', 'trustee-milan-v2', { requireCommitted: true }],
    ['tcb_below_minimum', 'dstack-milan-v3', { minTcb: { Milan: { snp: 24 } } }],
    ['tcb_below_minimum', 'routex-turin-v5', { minTcb: { Turin: { fmc: 1 } } }],
    ['firmware_below_minimum', 'virtee-milan-v2', { minFirmware: { major: 1, minor: 55, build: 0 } }],
  ])('says %s of %s', async (code, name, entry) => {
    expect(await outcome(name, entry)).toEqual([code]);
  });

  it.each(['trustee-e2e-genoa-v3_siena_0xa0_', 'routex-turin-v5', 'azure-genoa-v_', 'azure-milan-v1'])(
    'allows %s',
    async (name) => {
      expect(await outcome(name)).toEqual([]);
    },
  );
});

describe.runIf(hasSharedEvidence)('a policy for recorded evidence of TDX', () => {
  const outcome = async (name: string) => {
    const { mrTd, rtmr } = await tdx(name);
    const entry: TdxEntry = { type: 'tdx', mrTd: [mrTd], rtmr: { 1: [rtmr[1]], 2: [rtmr[2]] } };
    return codes(await tdx(name), entry);
  };

  it('says debug_enabled of a trust domain that may be debugged', async () => {
    expect(await outcome('trustee4')).toEqual(['debug_enabled']);
  });

  it('says tcb_status_not_allowed of a platform without a level', async () => {
    expect(await outcome('phala-outdated')).toEqual(['tcb_status_not_allowed']);
  });

  it.each(['phala-tdx_quote', 'phala-near'])('allows %s', async (name) => {
    expect(await outcome(name)).toEqual([]);
  });
});

describe.runIf(hasSharedEvidence)('a policy for recorded evidence of Nitro', () => {
  it.each(EXPECTED.nitro)('says of $name whether it is in debug mode', async (entry) => {
    const evidence = await verifyNitro({ document: recorded(entry.doc) }, { now: entry.at });
    const pcrs = { 0: [entry.pcr0], 1: [entry.pcr1], 2: [entry.pcr2] };
    expect(codes(evidence, { type: 'aws-nitro', pcrs })).toEqual(entry.debug ? ['debug_enabled'] : []);
  });
});
