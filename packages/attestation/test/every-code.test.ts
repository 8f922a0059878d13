import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { createEndorser } from '../src/attest/collateral/endorser.ts';
import { encodeBundle } from '../src/bundle-encoding.ts';
import type { Evidence, EvidenceType } from '../src/evidence-schema.ts';
import type { AttestationPolicyInput, PlatformPolicyInput } from '../src/policy/policy.ts';
import { issueCrl } from '../src/testing/certificate-authority.ts';
import { attestDstack } from '../src/testing/dstack-emulator.ts';
import { leafExtensions, type SevSnpReportInput } from '../src/testing/sev-snp-emulator.ts';
import {
  createSyntheticBundle,
  createSyntheticPlatforms,
  type SyntheticPlatforms,
} from '../src/testing/synthetic-router.ts';
import type { JsonObject } from '../src/testing/tdx-collateral.ts';
import type { TdxQuoteInput } from '../src/testing/tdx-emulator.ts';
import { type VerifyBundleOptions, verifyBundle } from '../src/verify-bundle.ts';
import { codeOf } from './expect-failure.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const SECONDS = NOW.getTime() / 1_000;
const DAY_MS = 86_400_000;
const ORIGIN = 'https://router.example';
const OTHER = 'ee'.repeat(48);
const NONCE = new Uint8Array(32).fill(1);
let platforms: SyntheticPlatforms;
/** Registers of the synthetic dstack, which come of its event log. */
let dstackRegisters: readonly string[];

beforeAll(async () => {
  platforms = await createSyntheticPlatforms(NOW);
  const { evidence } = await verifyBundle(
    encodeBundle(await createSyntheticBundle({ ...ROUTER, platforms, type: 'dstack-tdx' })),
    { platforms: [{ type: 'dstack-tdx', dangerouslyAcceptAnyMeasurement: true }] },
    { expectedOrigin: ORIGIN, now: NOW, roots: platforms.roots },
  );
  if (evidence.type === 'dstack-tdx') dstackRegisters = evidence.rtmr;
}, 60_000);

const ROUTER = { keyConfig: new Uint8Array(41).fill(7), origin: ORIGIN, now: NOW };

/** One thing that is wrong; all else is what a good router sends to a client whose policy allows it. */
interface Wrong {
  readonly type?: EvidenceType;
  readonly attest?: (reportData: Uint8Array) => Promise<Evidence>;
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly policy?: AttestationPolicyInput;
  readonly entry?: Partial<PlatformPolicyInput>;
  readonly options?: Partial<VerifyBundleOptions>;
  readonly change?: (received: string) => string;
}

async function outcome({ type = 'sev-snp', attest, claims, policy, entry, options, change }: Wrong): Promise<string> {
  const input = { ...ROUTER, platforms, type, ...(claims && { claims }), ...(attest && { attest }) };
  const text = encodeBundle(await createSyntheticBundle(input));
  const allowed = { platforms: [{ ...goodEntry(type), ...entry }] };
  return codeOf(
    verifyBundle(
      change?.(text) ?? text,
      { ...allowed, ...policy },
      {
        expectedOrigin: ORIGIN,
        now: NOW,
        roots: platforms.roots,
        ...options,
      },
    ),
  );
}

function goodEntry(type: EvidenceType): PlatformPolicyInput {
  const register = (index: number) => [dstackRegisters[index] ?? ''];
  switch (type) {
    case 'sev-snp':
    case 'software':
      return { type: 'sev-snp', measurements: ['5a'.repeat(48)] };
    case 'tdx':
      return { type, mrTd: ['7d'.repeat(48)], rtmr: { 1: ['a1'.repeat(48)], 2: ['a2'.repeat(48)] } };
    case 'dstack-tdx':
      return {
        type,
        mrTd: ['7d'.repeat(48)],
        rtmr: { 1: register(1), 2: register(2) },
        composeHashes: ['cc'.repeat(32)],
      };
    case 'aws-nitro':
      return { type, pcrs: { 0: ['e0'.repeat(48)] } };
  }
}

const snp =
  (input: SevSnpReportInput, change: (evidence: Evidence & { type: 'sev-snp' }) => object = () => ({})) =>
  async (reportData: Uint8Array): Promise<Evidence> => {
    const evidence = { type: 'sev-snp' as const, ...(await platforms.sevSnp.attest(reportData, input)) };
    return { ...evidence, ...change(evidence) };
  };
const tdx =
  (input: TdxQuoteInput) =>
  async (reportData: Uint8Array): Promise<Evidence> => ({
    type: 'tdx',
    ...(await platforms.tdx.attest(reportData, input)),
  });
const bytes =
  (offset: number, ...values: readonly number[]) =>
  (target: Uint8Array) =>
    target.set(values, offset);
const past = (json: JsonObject) => Object.assign(json, { nextUpdate: new Date(NOW.getTime() - DAY_MS).toISOString() });

const BAD_EVIDENCE: Readonly<Record<string, Wrong>> = {
  evidence_missing: { change: () => '' },
  evidence_malformed: { change: () => '<html>' },
  type_unsupported: { change: (text) => text.replace('"sev-snp"', '"arm-cca"') },
  binding_mismatch: { attest: async (reportData) => snp({})(reportData.map((byte) => byte ^ 1)) },
  nonce_mismatch: { options: { nonce: NONCE } },
  signature_invalid: {
    attest: snp({}, ({ report }) => ({ report: report.map((byte, offset) => (offset === 0x90 ? byte ^ 1 : byte)) })),
  },
  chain_untrusted: { attest: snp({}, () => ({ ask: undefined })) },
  endorsement_mismatch: {
    attest: async (reportData) => {
      const { tcb, chipId } = platforms.sevSnp;
      return snp({ leaf: { extensions: leafExtensions('Genoa', { ...tcb, snp: 99 }, chipId) } })(reportData);
    },
  },
  cert_expired: { attest: snp({ leaf: { notAfter: NOW.getTime() - DAY_MS } }) },
  cert_revoked: { type: 'tdx', attest: tdx({ revoked: { byCa: [3] } }) },
  crl_invalid: { attest: snp({}, () => ({ crl: new Uint8Array(64).fill(0x30) })) },
  crl_expired: {
    attest: async (reportData) => {
      const { ark, validity } = platforms.sevSnp;
      const dates = { thisUpdate: validity.notBefore, nextUpdate: NOW.getTime() - DAY_MS / 2 };
      const crl = await issueCrl({ issuer: ark, ...dates });
      return snp({}, () => ({ crl }))(reportData);
    },
  },
  collateral_missing: {
    type: 'tdx',
    attest: async (reportData) => ({ type: 'tdx', quote: (await platforms.tdx.attest(reportData)).quote }),
  },
  collateral_invalid: {
    type: 'tdx',
    attest: tdx({ editTcbInfo: (info) => Object.assign(info, { fmspc: '000000000000' }) }),
  },
  collateral_expired: { type: 'tdx', attest: tdx({ editQeIdentity: past }) },
  qe_not_genuine: { type: 'tdx', attest: tdx({ editQeReport: bytes(128, 0) }) },
  module_not_genuine: { type: 'tdx', attest: tdx({ editBody: bytes(64, 1) }) },
  event_log_mismatch: {
    type: 'dstack-tdx',
    attest: async (reportData) => ({
      type: 'dstack-tdx',
      ...(await attestDstack(platforms.tdx, reportData)),
      eventLog: '[]',
    }),
  },
  claims_invalid: { claims: { epoch: 'one' } },
  claims_expired: { claims: { iat: SECONDS - 7_200, exp: SECONDS - 3_600 } },
  claims_not_yet_valid: { claims: { iat: SECONDS + 3_600 } },
  audience_mismatch: { claims: { aud: 'https://other.example' } },
  key_mismatch: { options: { expectedKid: 'k2' } },
};

const NOT_ALLOWED: Readonly<Record<string, Wrong>> = {
  crl_missing: { attest: snp({ withoutCrl: true }), policy: { requireCrl: true } },
  type_not_allowed: { type: 'aws-nitro', policy: { platforms: [{ type: 'sev-snp', measurements: [OTHER] }] } },
  software_refused: { type: 'software' },
  evidence_stale: { claims: { iat: SECONDS - 7_200, exp: SECONDS + 7_200 }, policy: { maxAgeSeconds: 3_600 } },
  debug_enabled: { attest: snp({ policy: 0xb0000n }) },
  migration_enabled: { attest: snp({ policy: 0x70000n }) },
  sept_ve_enabled: { type: 'tdx', attest: tdx({ editBody: bytes(123, 0) }) },
  measurement_not_allowed: { entry: { measurements: [OTHER] } },
  host_data_not_allowed: { entry: { hostData: ['ee'.repeat(32)] } },
  id_key_not_allowed: { entry: { idKeyDigests: [OTHER] } },
  author_key_not_allowed: { entry: { authorKeyDigests: [OTHER] } },
  config_id_not_allowed: { type: 'tdx', entry: { mrConfigId: [OTHER] } },
  compose_hash_not_allowed: { type: 'dstack-tdx', entry: { composeHashes: ['ee'.repeat(32)] } },
  app_id_not_allowed: { type: 'dstack-tdx', entry: { appIds: ['ee'.repeat(20)] } },
  os_image_not_allowed: { type: 'dstack-tdx', entry: { osImageHashes: ['ee'.repeat(32)] } },
  product_not_allowed: { entry: { products: ['Turin'] } },
  vlek_not_allowed: { attest: snp({ signer: 'vlek' }) },
  chip_not_allowed: { entry: { chipIds: ['ee'.repeat(64)] } },
  chip_id_masked: { attest: snp({ edit: (report) => report.fill(0, 0x1a0, 0x1e0) }) },
  vmpl_not_allowed: { attest: snp({ vmpl: 1 }) },
  xfam_not_allowed: { type: 'tdx', entry: { xfam: ['00'.repeat(8)] } },
  module_not_allowed: { type: 'tdx', entry: { mrSeam: [OTHER] } },
  service_td_not_allowed: { type: 'tdx', attest: tdx({ version: 5, editBody: bytes(600, 1) }) },
  tcb_below_minimum: { entry: { minTcb: { Genoa: { snp: 24 } } } },
  firmware_below_minimum: { entry: { minFirmware: { major: 1, minor: 56, build: 0 } } },
  guest_svn_below_minimum: { entry: { minGuestSvn: 1 } },
  firmware_provisional: { attest: snp({ edit: bytes(0x1ec, 39) }), entry: { requireCommitted: true } },
  alias_check_incomplete: { attest: snp({ platformInfo: 1n }), entry: { requireAliasCheck: true } },
  tcb_status_not_allowed: { type: 'tdx', attest: tdx({ editBody: bytes(2, 2) }) },
  advisory_denied: {
    type: 'tdx',
    attest: tdx({ editBody: bytes(2, 2) }),
    entry: { tcbStatus: ['OutOfDate'], advisoriesDenied: ['INTEL-SA-00960'] },
  },
  evaluation_number_below_minimum: { type: 'tdx', entry: { minTcbEvaluationDataNumber: 19 } },
};

/** Codes that come from elsewhere than the verification of a bundle. */
const ELSEWHERE: Readonly<Record<string, () => Promise<unknown>>> = {
  'ConfigurationError policy_empty': async () =>
    verifyBundle('', { platforms: [] }, { expectedOrigin: ORIGIN, now: NOW }),
  'AttestationError fetch_failed': async () => {
    const { report } = await platforms.sevSnp.attest(new Uint8Array(64));
    // Port 9 of the loopback: nobody listens there.
    const endorser = createEndorser({ amdKdsUrl: 'http://127.0.0.1:9', attempts: 1 });
    return endorser.endorse({ type: 'sev-snp', report }, AbortSignal.timeout(20_000));
  },
};

describe('every way in which evidence can fail has its own code', () => {
  it('and what is right has none', async () => {
    for (const type of ['sev-snp', 'tdx', 'dstack-tdx', 'aws-nitro'] as const) {
      await expect(outcome({ type })).rejects.toMatchObject({ code: 'internal_error' });
    }
  });

  it.each(Object.entries(BAD_EVIDENCE))('AttestationError %s', async (code, wrong) => {
    expect(await outcome(wrong)).toBe(`AttestationError ${code}`);
  });

  it.each(Object.entries(NOT_ALLOWED))('PolicyError %s', async (code, wrong) => {
    expect(await outcome(wrong)).toBe(`PolicyError ${code}`);
  });

  it.each(Object.entries(ELSEWHERE))('%s', async (code, fail) => {
    expect(await codeOf(fail())).toBe(code);
  });

  it('and the page explains these codes, no more and no fewer', () => {
    const page = readFileSync(new URL('../../../docs/attestation.md', import.meta.url), 'utf8');
    const table = page.split('## Error codes\n')[1]?.split('\n## ')[0] ?? '';
    const explained = table.split('\n').flatMap((row) => [...(row.split(' | ')[0] ?? '').matchAll(/`(\w+)`/g)]);
    const elsewhere = Object.keys(ELSEWHERE).map((name) => name.split(' ')[1]);
    expect(explained.map(([, code]) => code).sort()).toEqual(
      [...Object.keys(BAD_EVIDENCE), ...Object.keys(NOT_ALLOWED), ...elsewhere].sort(),
    );
  });
});
