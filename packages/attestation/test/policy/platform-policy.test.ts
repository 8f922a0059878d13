import { encodeHex } from '@sotto/protocol';
import { beforeAll, describe, expect, it } from 'vitest';
import { type VerifiedDstack, verifyDstack } from '../../src/dstack/verify.ts';
import type { VerifiedEvidence } from '../../src/evidence.ts';
import { type VerifiedNitro, verifyNitro } from '../../src/nitro/verify.ts';
import { checkPolicy, checkTypeAllowed } from '../../src/policy/check-policy.ts';
import { type PlatformPolicyInput, parsePolicy } from '../../src/policy/policy.ts';
import { type VerifiedSevSnp, verifySevSnp } from '../../src/sev-snp/verify.ts';
import { verifySoftware } from '../../src/software/verify.ts';
import { type VerifiedTdx, verifyTdx } from '../../src/tdx/verify.ts';
import { attestDstack, SYNTHETIC_BOOT_EVENTS } from '../../src/testing/dstack-emulator.ts';
import { type SevSnpReportInput, writeSnpTcb } from '../../src/testing/sev-snp-emulator.ts';
import { createSyntheticPlatforms, type SyntheticPlatforms } from '../../src/testing/synthetic-router.ts';
import type { TdxQuoteInput } from '../../src/testing/tdx-emulator.ts';
import { codeOf } from '../expect-failure.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const REPORT_DATA = new Uint8Array(64).fill(0x42);
const OTHER = 'ee'.repeat(48);
let platforms: SyntheticPlatforms;

beforeAll(async () => {
  platforms = await createSyntheticPlatforms(NOW);
}, 60_000);

const options = () => ({ now: NOW, roots: platforms.roots });
const codes = (evidence: VerifiedEvidence, entry: PlatformPolicyInput, requireCrl = false) =>
  checkPolicy(evidence, parsePolicy({ platforms: [entry], requireCrl })).map(({ code }) => code);

describe('the policy for SEV-SNP', () => {
  type Entry = Extract<PlatformPolicyInput, { type: 'sev-snp' }>;
  const verified = async (input?: SevSnpReportInput): Promise<VerifiedSevSnp> =>
    verifySevSnp(await platforms.sevSnp.attest(REPORT_DATA, input), options());
  const ENTRY: Entry = { type: 'sev-snp', measurements: ['5a'.repeat(48)] };
  const outcome = async (entry: Partial<Entry>, input?: SevSnpReportInput) =>
    codes(await verified(input), { ...ENTRY, ...entry });

  it('allows what it lists', async () => {
    const zero = '00'.repeat(48);
    const entry: Entry = {
      ...ENTRY,
      minTcb: { Genoa: { bl: 10, tee: 0, snp: 23, ucode: 84 } },
      minFirmware: { major: 1, minor: 55, build: 40 },
      minGuestSvn: 0,
      hostData: ['00'.repeat(32)],
      idKeyDigests: [zero],
      authorKeyDigests: [zero],
      chipIds: ['c1'.repeat(64)],
      requireAliasCheck: true,
      requireCommitted: true,
    };
    expect(codes(await verified(), entry, true)).toEqual([]);
  });

  it.each<[string, Partial<Entry>]>([
    ['measurement_not_allowed', { measurements: [OTHER] }],
    ['product_not_allowed', { products: ['Turin'] }],
    ['vmpl_not_allowed', { vmpl: [1] }],
    ['vmpl_not_allowed', { vmpl: [] }],
    ['host_data_not_allowed', { hostData: ['ee'.repeat(32)] }],
    ['host_data_not_allowed', { hostData: [] }],
    ['id_key_not_allowed', { idKeyDigests: [OTHER] }],
    ['author_key_not_allowed', { authorKeyDigests: [OTHER] }],
    ['chip_not_allowed', { chipIds: ['ee'.repeat(64)] }],
    ['guest_svn_below_minimum', { minGuestSvn: 1 }],
    ['firmware_below_minimum', { minFirmware: { major: 1, minor: 55, build: 41 } }],
    ['firmware_below_minimum', { minFirmware: { major: 2, minor: 0, build: 0 } }],
    ['tcb_below_minimum', { minTcb: { Genoa: { bl: 11 } } }],
    ['tcb_below_minimum', { minTcb: { Genoa: { tee: 1 } } }],
    ['tcb_below_minimum', { minTcb: { Genoa: { snp: 24 } } }],
    ['tcb_below_minimum', { minTcb: { Genoa: { ucode: 85 } } }],
    ['tcb_below_minimum', { minTcb: { Genoa: { fmc: 0 } } }],
  ])('says %s for what it does not list: %j', async (code, entry) => {
    expect(await outcome(entry)).toEqual([code]);
  });

  it.each<[string, SevSnpReportInput, Partial<Entry>]>([
    ['debug_enabled', { policy: 0xb0000n }, {}],
    ['migration_enabled', { policy: 0x70000n }, {}],
    ['vmpl_not_allowed', { vmpl: 1 }, {}],
    ['vlek_not_allowed', { signer: 'vlek' }, {}],
    ['chip_id_masked', { edit: (report) => report.fill(0, 0x1a0, 0x1e0) }, {}],
    ['chip_id_masked', { signer: 'vlek' }, { allowVlek: true, chipIds: ['c1'.repeat(64)] }],
    ['alias_check_incomplete', { platformInfo: 0x1n }, { requireAliasCheck: true }],
    ['firmware_provisional', { edit: (report) => report.set([39], 0x1ec) }, { requireCommitted: true }],
    ['firmware_provisional', { edit: (report) => report.set([22], 0x1e6) }, { requireCommitted: true }],
  ])('says %s for what a report says', async (code, input, entry) => {
    expect(await outcome(entry, input)).toEqual([code]);
  });

  it('ignores bits of PLATFORM_INFO that it does not know', async () => {
    expect(await outcome({}, { platformInfo: 0x67n })).toEqual([]);
  });

  it('judges the version that the key is of, not the one that runs', async () => {
    const newer = writeSnpTcb({ ...platforms.sevSnp.tcb, ucode: 200 });
    const edit = (report: Uint8Array) => report.set(newer, 0x38);
    expect(await outcome({ minTcb: { Genoa: { ucode: 100 } } }, { edit })).toEqual(['tcb_below_minimum']);
  });

  it('allows a VLEK where it says so', async () => {
    expect(await outcome({ allowVlek: true }, { signer: 'vlek' })).toEqual([]);
  });

  it('wants a revocation list where it says so', async () => {
    const evidence = await verified({ withoutCrl: true });
    expect(codes(evidence, ENTRY)).toEqual([]);
    expect(codes(evidence, ENTRY, true)).toEqual(['crl_missing']);
  });

  it('collects all failures, and says where each is', async () => {
    const evidence = await verified({ policy: 0xb0000n, vmpl: 2 });
    const policy = parsePolicy({
      platforms: [{ ...ENTRY, measurements: [OTHER], minTcb: { Genoa: { bl: 99, snp: 99 } } }],
    });
    expect(checkPolicy(evidence, policy).map(({ step, code }) => `${step} ${code}`)).toEqual([
      'policy.platforms[0].debug debug_enabled',
      'policy.platforms[0].vmpl vmpl_not_allowed',
      'policy.platforms[0].measurements measurement_not_allowed',
      'policy.platforms[0].minTcb.bl tcb_below_minimum',
      'policy.platforms[0].minTcb.snp tcb_below_minimum',
    ]);
  });

  it('is content with one of several entries', async () => {
    const policy = parsePolicy({ platforms: [{ ...ENTRY, measurements: [OTHER] }, ENTRY] });
    expect(checkPolicy(await verified(), policy)).toEqual([]);
  });

  it('never allows debugging, whatever is dangerously accepted', async () => {
    const entry = { type: 'sev-snp', dangerouslyAcceptAnyMeasurement: true } as const;
    expect(codes(await verified(), entry)).toEqual([]);
    expect(codes(await verified({ policy: 0xb0000n }), entry)).toEqual(['debug_enabled']);
  });
});

describe('the policy for TDX', () => {
  type Entry = Extract<PlatformPolicyInput, { type: 'tdx' }>;
  const verified = async (input?: TdxQuoteInput): Promise<VerifiedTdx> =>
    verifyTdx(await platforms.tdx.attest(REPORT_DATA, input), options());
  const register = (index: number) => [`a${index}`.repeat(48)];
  const ENTRY: Entry = { type: 'tdx', mrTd: ['7d'.repeat(48)], rtmr: { 1: register(1), 2: register(2) } };
  const outcome = async (entry: Partial<Entry>, input?: TdxQuoteInput) =>
    codes(await verified(input), { ...ENTRY, ...entry });

  it('allows what it lists', async () => {
    const zero = ['00'.repeat(48)];
    const entry: Entry = {
      ...ENTRY,
      rtmr: { 0: register(0), 1: register(1), 2: register(2), 3: register(3) },
      mrConfigId: zero,
      mrSeam: zero,
      mrServiceTd: zero,
      xfam: ['e702060000000000'],
      minTcbEvaluationDataNumber: 18,
      minTeeTcbSvn: '06010300000000000000000000000000',
      advisoriesDenied: ['INTEL-SA-01036'],
    };
    expect(codes(await verified({ version: 5 }), entry)).toEqual([]);
  });

  it.each<[string, Partial<Entry>]>([
    ['measurement_not_allowed', { mrTd: [OTHER] }],
    ['measurement_not_allowed', { rtmr: { 0: [OTHER], 1: register(1), 2: register(2) } }],
    ['measurement_not_allowed', { rtmr: { 1: [OTHER], 2: register(2) } }],
    ['measurement_not_allowed', { rtmr: { 1: register(1), 2: [OTHER] } }],
    ['measurement_not_allowed', { rtmr: { 1: register(1), 2: register(2), 3: [OTHER] } }],
    ['config_id_not_allowed', { mrConfigId: [OTHER] }],
    ['module_not_allowed', { mrSeam: [OTHER] }],
    ['xfam_not_allowed', { xfam: ['0702000000000000'] }],
    ['evaluation_number_below_minimum', { minTcbEvaluationDataNumber: 19 }],
    ['tcb_below_minimum', { minTeeTcbSvn: '07010300000000000000000000000000' }],
    ['tcb_below_minimum', { minTeeTcbSvn: '06010400000000000000000000000000' }],
    ['tcb_status_not_allowed', { tcbStatus: ['OutOfDate'] }],
    ['tcb_status_not_allowed', { tcbStatus: [] }],
  ])('says %s for what it does not list: %j', async (code, entry) => {
    expect(await outcome(entry)).toEqual([code]);
  });

  const write =
    (offset: number, ...bytes: number[]) =>
    (body: Uint8Array) =>
      body.set(bytes, offset);
  const firstStatus = (tcbStatus: string): TdxQuoteInput => ({
    editTcbInfo: (info) => {
      const levels = info['tcbLevels'];
      if (Array.isArray(levels)) Object.assign(levels[0] ?? {}, { tcbStatus });
    },
  });
  it.each<[string, TdxQuoteInput, Partial<Entry>]>([
    ['debug_enabled', { editBody: write(120, 1) }, {}],
    ['debug_enabled', { editBody: write(120, 0x80) }, {}],
    ['sept_ve_enabled', { editBody: write(123, 0) }, {}],
    ['migration_enabled', { editBody: write(123, 0x30) }, {}],
    ['migration_enabled', { editBody: write(123, 0x30) }, { mrServiceTd: ['00'.repeat(48)] }],
    ['migration_enabled', { version: 5, editBody: write(123, 0x30) }, {}],
    ['service_td_not_allowed', { version: 5, editBody: write(600, 1) }, {}],
    ['tcb_status_not_allowed', { editBody: write(2, 2) }, {}],
    ['tcb_status_not_allowed', { editBody: write(2, 1) }, { tcbStatus: ['UpToDate', 'OutOfDate'] }],
    ['tcb_status_not_allowed', firstStatus('Revoked'), {}],
    ['tcb_status_not_allowed', firstStatus('SWHardeningNeeded'), {}],
    ['advisory_denied', { editBody: write(2, 2) }, { tcbStatus: ['OutOfDate'], advisoriesDenied: ['INTEL-SA-00960'] }],
  ])('says %s for what a quote says', async (code, input, entry) => {
    expect(await outcome(entry, input)).toEqual([code]);
  });

  it('allows what it says it allows', async () => {
    expect(await outcome({ tcbStatus: ['SWHardeningNeeded'] }, firstStatus('SWHardeningNeeded'))).toEqual([]);
    expect(await outcome({ allowSeptVeOff: true }, { editBody: write(123, 0) })).toEqual([]);
    const serviceTd = ['01'.padEnd(96, '0')];
    expect(await outcome({ mrServiceTd: serviceTd }, { version: 5, editBody: write(600, 1) })).toEqual([]);
  });

  it('accepts any measurement only where that is dangerously asked for', async () => {
    const entry = { type: 'tdx', dangerouslyAcceptAnyMeasurement: true } as const;
    expect(codes(await verified(), entry)).toEqual([]);
    expect(codes(await verified({ editBody: write(120, 1) }), entry)).toEqual(['debug_enabled']);
  });
});

describe('the policy for dstack', () => {
  type Entry = Extract<PlatformPolicyInput, { type: 'dstack-tdx' }>;
  const verified = async (runtimeEvents?: typeof SYNTHETIC_BOOT_EVENTS): Promise<VerifiedDstack> => {
    const evidence = await attestDstack(
      platforms.tdx,
      REPORT_DATA,
      runtimeEvents === undefined ? {} : { runtimeEvents },
    );
    return verifyDstack(evidence, options());
  };
  const entryFor = ({ mrTd, rtmr }: VerifiedDstack, entry: Partial<Entry>): Entry => ({
    type: 'dstack-tdx',
    mrTd: [mrTd],
    rtmr: { 1: [rtmr[1]], 2: [rtmr[2]] },
    ...entry,
  });

  it('allows the application it lists', async () => {
    const evidence = await verified();
    const entry = { composeHashes: ['cc'.repeat(32)], appIds: ['ab'.repeat(20)], osImageHashes: ['05'.repeat(32)] };
    expect(codes(evidence, entryFor(evidence, entry))).toEqual([]);
    expect(codes(evidence, entryFor(evidence, { appIds: ['ab'.repeat(20)] }))).toEqual([]);
  });

  it.each<[string, Partial<Entry>]>([
    ['compose_hash_not_allowed', { composeHashes: ['ee'.repeat(32)] }],
    ['app_id_not_allowed', { composeHashes: ['cc'.repeat(32)], appIds: ['ee'.repeat(20)] }],
    ['os_image_not_allowed', { composeHashes: ['cc'.repeat(32)], osImageHashes: ['ee'.repeat(32)] }],
    ['measurement_not_allowed', { composeHashes: ['cc'.repeat(32)], mrTd: [OTHER] }],
  ])('says %s for what it does not list: %j', async (code, entry) => {
    const evidence = await verified();
    expect(codes(evidence, entryFor(evidence, entry))).toEqual([code]);
  });

  it('refuses a system that does not say which image it is, where images are listed', async () => {
    const evidence = await verified(SYNTHETIC_BOOT_EVENTS.filter(([name]) => name !== 'os-image-hash'));
    const entry = { composeHashes: ['cc'.repeat(32)], osImageHashes: ['05'.repeat(32)] };
    expect(codes(evidence, entryFor(evidence, entry))).toEqual(['os_image_not_allowed']);
  });
});

describe('the policy for Nitro', () => {
  const verified = async (fields = {}): Promise<VerifiedNitro> =>
    verifyNitro(await platforms.nitro.attest(REPORT_DATA, { fields }), options());
  const PCRS = { 0: ['e0'.repeat(48)], 1: ['e1'.repeat(48)], 2: ['e2'.repeat(48)] };

  it('allows the registers it lists', async () => {
    expect(codes(await verified(), { type: 'aws-nitro', pcrs: PCRS })).toEqual([]);
  });

  it('says measurement_not_allowed for another register, and for one that is missing', async () => {
    const code = ['measurement_not_allowed'];
    expect(codes(await verified(), { type: 'aws-nitro', pcrs: { ...PCRS, 1: [OTHER] } })).toEqual(code);
    expect(codes(await verified(), { type: 'aws-nitro', pcrs: { ...PCRS, 8: ['00'.repeat(48)] } })).toEqual(code);
  });

  it('never allows debug mode, even with registers of zero', async () => {
    const evidence = await verified({ pcrs: new Map([[0, new Uint8Array(48)]]) });
    const zero = encodeHex(new Uint8Array(48));
    expect(codes(evidence, { type: 'aws-nitro', pcrs: { 0: [zero] } })).toEqual(['debug_enabled']);
    expect(codes(evidence, { type: 'aws-nitro', dangerouslyAcceptAnyMeasurement: true })).toEqual(['debug_enabled']);
  });
});

describe('a kind of evidence that the policy does not list', () => {
  it('is refused before and after it is verified', async () => {
    const policy = parsePolicy({ platforms: [{ type: 'aws-nitro', pcrs: { 0: [OTHER] } }] });
    expect(await codeOf(() => checkTypeAllowed('tdx', policy))).toBe('PolicyError type_not_allowed');
    expect(await codeOf(() => checkTypeAllowed('software', policy))).toBe('PolicyError software_refused');
    const tdx = await verifyTdx(await platforms.tdx.attest(REPORT_DATA), options());
    expect(checkPolicy(tdx, policy).map(({ code }) => code)).toEqual(['type_not_allowed']);
    const evidence = await platforms.attest('software', REPORT_DATA);
    if (evidence.type !== 'software') throw new RangeError('not software evidence');
    const software = await verifySoftware({ ...evidence, reportData: REPORT_DATA });
    expect(checkPolicy(software, policy).map(({ code }) => code)).toEqual(['software_refused']);
  });
});
