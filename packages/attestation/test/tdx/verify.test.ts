import { beforeAll, describe, expect, it } from 'vitest';
import type { TrustRoots } from '../../src/roots.ts';
import type { TdxCollateral } from '../../src/tdx/collateral.ts';
import { parseTdxQuote } from '../../src/tdx/quote.ts';
import { type TdxEvidence, verifyTdx } from '../../src/tdx/verify.ts';
import { encodePemChain, issueCertificate, issueCrl } from '../../src/testing/certificate-authority.ts';
import type { JsonObject } from '../../src/testing/tdx-collateral.ts';
import {
  createTdxEmulator,
  TDX_SERIALS,
  type TdxEmulator,
  type TdxQuoteInput,
} from '../../src/testing/tdx-emulator.ts';
import { codeOf, failureOf } from '../expect-failure.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const DAY_MS = 86_400_000;
const REPORT_DATA = new Uint8Array(64).fill(0x42);
let tdx: TdxEmulator;
let roots: TrustRoots;

beforeAll(async () => {
  tdx = await createTdxEmulator(NOW);
  roots = { amd: { Milan: '', Genoa: '', Turin: '' }, intelSgx: tdx.root, awsNitro: '' };
});

const verify = (evidence: TdxEvidence, now = NOW) => verifyTdx(evidence, { now, roots });
const attest = (input: TdxQuoteInput = {}) => tdx.attest(REPORT_DATA, input);
/** Flips a bit at an offset into the signed part and what follows; negative offsets count from the end. */
async function flipped(offset: number): Promise<TdxEvidence> {
  const evidence = await attest();
  const quote = evidence.quote.slice();
  const index = offset < 0 ? quote.length + offset : offset;
  quote[index] = (quote[index] ?? 0) ^ 1;
  return { ...evidence, quote };
}
const SIGNATURE = 48 + 584 + 4;
const ATTESTATION_KEY = SIGNATURE + 64;
const QE_REPORT = ATTESTATION_KEY + 64 + 6;
const QE_SIGNATURE = QE_REPORT + 384;
const QE_AUTHENTICATION = QE_SIGNATURE + 64 + 2;
const PCK_TYPE = QE_AUTHENTICATION + 32;

describe('verifyTdx', () => {
  it.each([4, 5] as const)('accepts a genuine quote of version %i', async (version) => {
    const verified = await verify(await attest({ version }));
    expect(verified).toMatchObject({ version, reportData: REPORT_DATA, tcb: { status: 'UpToDate', advisories: [] } });
    expect(verified.validUntil).toBe(tdx.validity.nextUpdate);
  });

  it('accepts the body of TDX 1.0 in a quote of version 5', async () => {
    const verified = await verify(await attest({ version: 5, bodyType: 2 }));
    expect(verified).toMatchObject({ version: 5, bodyType: 2, mrServiceTd: null });
  });

  it('accepts the zero bytes that a quote is padded with, and no other', async () => {
    const evidence = await attest();
    const padded = new Uint8Array(evidence.quote.length + 70);
    padded.set(evidence.quote);
    await expect(verify({ ...evidence, quote: padded })).resolves.toBeDefined();
    padded[padded.length - 1] = 1;
    expect(await codeOf(verify({ ...evidence, quote: padded }))).toBe('AttestationError evidence_malformed');
  });

  it('needs collateral', async () => {
    const { quote } = await attest();
    expect(await codeOf(verify({ quote }))).toBe('AttestationError collateral_missing');
  });
});

describe('a TDX quote', () => {
  const malformed = 'AttestationError evidence_malformed';

  it('that is cut anywhere is malformed', async () => {
    for (const version of [4, 5] as const) {
      const evidence = await attest({ version });
      const { length } = evidence.quote;
      for (let end = 0; end < length; end++) {
        expect(() => parseTdxQuote(evidence.quote.subarray(0, end))).toThrow(RangeError);
      }
      const cut = { ...evidence, quote: evidence.quote.subarray(0, length - 1) };
      expect(await codeOf(verify(cut))).toBe(malformed);
    }
  });

  const write =
    (offset: number, ...bytes: number[]) =>
    (header: Uint8Array) =>
      header.set(bytes, offset);
  it.each([
    ['version 3', write(0, 3)],
    ['version 6', write(0, 6)],
    ['another attestation key type', write(2, 3)],
    ['the type of an SGX enclave', write(4, 0)],
    ['another vendor', write(12, 0)],
  ])('with %s is malformed', async (_, editHeader) => {
    expect(await codeOf(verify(await attest({ editHeader })))).toBe(malformed);
  });

  it.each([
    ['body type 1', 48, [1, 0]],
    ['body type 2 of another length', 48, [2, 0]],
    ['another body length', 50, [0x87, 0x02]],
  ])('of version 5 with %s is malformed', async (_, offset, bytes) => {
    const evidence = await attest({ version: 5 });
    const quote = evidence.quote.slice();
    quote.set(bytes, offset);
    expect(await codeOf(verify({ ...evidence, quote }))).toBe(malformed);
  });

  it.each<[what: string, offset: number, bytes: readonly number[]]>([
    ['a signature that runs past the end', SIGNATURE - 4, [0xff, 0xff, 0xff, 0xff]],
    ['a signature that ends early', SIGNATURE - 4, [0x10, 0, 0, 0]],
    ...[1, 2, 3, 4, 5, 7].map(
      (type) => [`certification type ${type} outside`, QE_REPORT - 6, [type]] as [string, number, number[]],
    ),
    ...[1, 2, 3, 4, 6, 7].map(
      (type) => [`certification type ${type} inside`, PCK_TYPE, [type]] as [string, number, number[]],
    ),
    ['authentication data that run past the end', QE_AUTHENTICATION - 2, [0xff, 0xff]],
    ['a chain that runs past the end', PCK_TYPE + 2, [0xff, 0xff, 0xff, 0x7f]],
  ])('with %s is malformed', async (_, offset, bytes) => {
    const evidence = await attest();
    const quote = evidence.quote.slice();
    quote.set(bytes, offset);
    expect(await codeOf(verify({ ...evidence, quote }))).toBe(malformed);
  });

  it.each([
    ['in its body', 60, 'crypto.signature'],
    ['in its header', 30, 'crypto.signature'],
    ['in its signature', SIGNATURE, 'crypto.signature'],
    ['in its attestation key', ATTESTATION_KEY, 'crypto.qe-report'],
    ['in the QE report', QE_REPORT + 300, 'crypto.qe-report'],
    ["in the QE report's signature", QE_SIGNATURE, 'crypto.qe-report'],
    ['in the authentication data', QE_AUTHENTICATION, 'crypto.qe-report'],
  ])('with one bit flipped %s does not verify', async (_, offset, step) => {
    const failure = await failureOf(verify(await flipped(offset)));
    expect(failure).toEqual({ error: 'AttestationError', codes: ['signature_invalid'], steps: [step] });
  });

  it('with a PCK of another issuer does not verify', async () => {
    const foreign = await createTdxEmulator(NOW);
    const { certificates } = tdx;
    const ca = await issueCertificate({
      ...tdx.validity,
      commonName: 'Intel SGX PCK Platform CA',
      key: certificates.signer.key,
      issuer: certificates.root,
      ca: {},
    });
    expect(foreign.root).not.toBe(tdx.root);
    expect(await codeOf(verify(await replaceChain(ca.certificate)))).toBe('AttestationError chain_untrusted');
    expect(await codeOf(verify(await foreign.attest(REPORT_DATA)))).toBe('AttestationError chain_untrusted');
  });

  it('with a chain of two is refused', async () => {
    expect(await codeOf(verify(await replaceChain()))).toBe('AttestationError chain_untrusted');
  });
});

/** A quote whose PCK chain goes through other intermediates. */
async function replaceChain(...intermediates: readonly Uint8Array[]): Promise<TdxEvidence> {
  const evidence = await attest();
  const { pck, root } = tdx.certificates;
  const chain = new TextEncoder().encode(encodePemChain(pck.certificate, ...intermediates, root.certificate));
  const head = evidence.quote.slice(0, PCK_TYPE + 6);
  const quote = new Uint8Array(head.length + chain.length);
  quote.set(head);
  quote.set(chain, head.length);
  const view = new DataView(quote.buffer);
  view.setUint32(PCK_TYPE + 2, chain.length, true);
  view.setUint32(QE_REPORT - 4, quote.length - QE_REPORT, true);
  view.setUint32(SIGNATURE - 4, quote.length - SIGNATURE, true);
  return { ...evidence, quote };
}

describe('what the quoting enclave and the TDX module are', () => {
  const write =
    (offset: number, ...bytes: number[]) =>
    (report: Uint8Array) =>
      report.set(bytes, offset);
  it.each([
    ['signer', write(128, 0)],
    ['product', write(256, 3)],
    ['attributes, such as debug', write(48, 0x13)],
    ['misc select', write(16, 1)],
  ])('is not genuine with another %s', async (_, editQeReport) => {
    expect(await codeOf(verify(await attest({ editQeReport })))).toBe('AttestationError qe_not_genuine');
  });

  it.each([
    ['signer', write(64, 1)],
    ['attributes', write(112, 1)],
  ])('is not genuine with another module %s', async (_, editBody) => {
    expect(await codeOf(verify(await attest({ editBody })))).toBe('AttestationError module_not_genuine');
    const old = (body: Uint8Array) => {
      editBody(body);
      body[1] = 0;
    };
    expect(await codeOf(verify(await attest({ editBody: old })))).toBe('AttestationError module_not_genuine');
  });
});

describe('the TCB of a platform', () => {
  const status = async (input: TdxQuoteInput) => (await verify(await attest(input))).tcb;

  it('is as good as the worst of its parts', async () => {
    const oldModule = (body: Uint8Array) => body.set([3], 0);
    expect(await status({ editBody: oldModule })).toMatchObject({
      status: 'OutOfDate',
      platform: 'UpToDate',
      module: 'OutOfDate',
      advisories: ['INTEL-SA-01036'],
    });
    const oldPlatform = (body: Uint8Array) => body.set([2], 2);
    expect(await status({ editBody: oldPlatform })).toMatchObject({
      status: 'OutOfDate',
      platform: 'OutOfDate',
      advisories: ['INTEL-SA-00960'],
    });
  });

  it('is not supported below all levels, and for a module or enclave that is not listed', async () => {
    const edits: readonly TdxQuoteInput[] = [
      { editBody: (body) => body.set([1], 2) },
      { editBody: (body) => body.set([1], 0) },
      { editBody: (body) => body.set([9], 1) },
      { editQeReport: (report) => report.set([3], 258) },
    ];
    for (const edit of edits) expect(await status(edit)).toMatchObject({ status: 'NotSupported' });
  });

  it.each(['Revoked', 'SWHardeningNeeded', 'ConfigurationNeeded', 'OutOfDateConfigurationNeeded'])(
    'is %s where the level says so',
    async (tcbStatus) => {
      const editTcbInfo = (info: JsonObject) => Object.assign(firstLevel(info), { tcbStatus });
      expect(await status({ editTcbInfo })).toMatchObject({ status: tcbStatus });
    },
  );

  it('is out of date with its configuration where a part is out of date', async () => {
    const editTcbInfo = (info: JsonObject) => Object.assign(firstLevel(info), { tcbStatus: 'ConfigurationNeeded' });
    const editBody = (body: Uint8Array) => body.set([3], 0);
    expect(await status({ editTcbInfo, editBody })).toMatchObject({ status: 'OutOfDateConfigurationNeeded' });
  });

  it('compares the first components too for a module of version 0', async () => {
    const editBody = (body: Uint8Array) => body.set([6, 0], 0);
    expect(await status({ editBody })).toMatchObject({ status: 'UpToDate', module: null });
    const editTcbInfo = (info: JsonObject) => {
      const { tcb } = firstLevel(info) as { tcb: { tdxtcbcomponents: { svn: number }[] } };
      Object.assign(tcb.tdxtcbcomponents[0] ?? {}, { svn: 7 });
    };
    expect(await status({ editBody, editTcbInfo })).toMatchObject({ status: 'OutOfDate' });
    expect(await status({ editTcbInfo })).toMatchObject({ status: 'UpToDate' });
  });
});

function firstLevel(info: JsonObject): JsonObject {
  const [level] = info['tcbLevels'] as JsonObject[];
  return level ?? {};
}

describe('the collateral of Intel', () => {
  const invalid = 'AttestationError collateral_invalid';
  const withCollateral = async (change: (collateral: TdxCollateral) => Partial<TdxCollateral>) => {
    const evidence = await attest();
    return codeOf(verify({ ...evidence, collateral: { ...evidence.collateral, ...change(evidence.collateral) } }));
  };

  it.each([
    ['FMSPC', { fmspc: '000000000000' }],
    ['PCE id', { pceId: '0001' }],
    ['kind, SGX instead of TDX', { id: 'SGX' }],
    ['version', { version: 2 }],
    ['TCB type', { tcbType: 1 }],
    ['form', { tcbLevels: 'none' }],
  ])('is refused with TCB info of another %s', async (_, change) => {
    const editTcbInfo = (info: JsonObject) => Object.assign(info, change);
    expect(await codeOf(verify(await attest({ editTcbInfo })))).toBe(invalid);
  });

  it('is refused with the identity of the SGX quoting enclave', async () => {
    const editQeIdentity = (identity: JsonObject) => Object.assign(identity, { id: 'QE' });
    expect(await codeOf(verify(await attest({ editQeIdentity })))).toBe(invalid);
  });

  it('is refused when it is written anew, though it says the same', async () => {
    const spaced = (text: string) => text.replace(',', ', ');
    expect(await withCollateral(({ tcbInfo }) => ({ tcbInfo: spaced(tcbInfo) }))).toBe(invalid);
    expect(await withCollateral(({ qeIdentity }) => ({ qeIdentity: spaced(qeIdentity) }))).toBe(invalid);
  });

  it('is refused with the signature of another text', async () => {
    expect(await withCollateral(({ qeIdentitySignature }) => ({ tcbInfoSignature: qeIdentitySignature }))).toBe(
      invalid,
    );
    expect(await withCollateral(({ tcbInfoSignature }) => ({ qeIdentitySignature: tcbInfoSignature }))).toBe(invalid);
  });

  it.each(['tcbInfoSignature', 'qeIdentitySignature'] as const)(
    'is refused with one bit flipped in its %s',
    async (name) => {
      for (const offset of [0, 31, 32, 63]) {
        const flip = (bytes: Uint8Array) => bytes.map((byte, index) => (index === offset ? byte ^ 1 : byte));
        expect(await withCollateral((collateral) => ({ [name]: flip(collateral[name]) }))).toBe(invalid);
      }
    },
  );

  it.each(['pckCrl', 'rootCaCrl'] as const)(
    'is refused with one bit flipped in the signature of its %s',
    async (name) => {
      const flip = (bytes: Uint8Array) => bytes.map((byte, index) => (index === bytes.length - 1 ? byte ^ 1 : byte));
      expect(await withCollateral((collateral) => ({ [name]: flip(collateral[name]) }))).toBe(
        'AttestationError crl_invalid',
      );
    },
  );

  it('is refused before its time, and after', async () => {
    const future = new Date(NOW.getTime() + DAY_MS).toISOString();
    const past = new Date(NOW.getTime() - DAY_MS).toISOString();
    for (const change of [{ issueDate: future }, { nextUpdate: past }]) {
      const edit = (json: JsonObject) => Object.assign(json, change);
      expect(await codeOf(verify(await attest({ editTcbInfo: edit })))).toBe('AttestationError collateral_expired');
      expect(await codeOf(verify(await attest({ editQeIdentity: edit })))).toBe('AttestationError collateral_expired');
    }
  });

  it('is refused when a PCK signs it instead of the TCB signer', async () => {
    const { pck, ca, root } = tdx.certificates;
    const chain = encodePemChain(pck.certificate, ca.certificate, root.certificate);
    expect(await withCollateral(() => ({ tcbInfoIssuerChain: chain }))).toBe('AttestationError chain_untrusted');
    expect(await withCollateral(() => ({ qeIdentityIssuerChain: chain }))).toBe('AttestationError chain_untrusted');
  });

  it('is refused with chains that are no PEM', async () => {
    expect(await withCollateral(() => ({ tcbInfoIssuerChain: 'chain' }))).toBe(invalid);
    expect(await withCollateral(() => ({ pckCrlIssuerChain: 'chain' }))).toBe('AttestationError crl_invalid');
    const foreign = encodePemChain(tdx.certificates.signer.certificate, tdx.certificates.root.certificate);
    expect(await withCollateral(() => ({ pckCrlIssuerChain: foreign }))).toBe('AttestationError crl_invalid');
  });

  it.each([
    ['the PCK', { byCa: [TDX_SERIALS.pck] }],
    ['the intermediate', { byRoot: [TDX_SERIALS.ca] }],
    ['the TCB signer', { byRoot: [TDX_SERIALS.signer] }],
  ])('revokes %s', async (_, revoked) => {
    expect(await codeOf(verify(await attest({ revoked })))).toBe('AttestationError cert_revoked');
  });

  it.each(['pckCrl', 'rootCaCrl'] as const)(
    'is refused with a %s that is empty, garbage, foreign or not of now',
    async (name) => {
      const issuer = name === 'pckCrl' ? tdx.certificates.ca : tdx.certificates.root;
      const other = name === 'pckCrl' ? tdx.certificates.root : tdx.certificates.ca;
      const [now, { notBefore, nextUpdate }] = [NOW.getTime(), tdx.validity];
      const outcome = (crl: Uint8Array) => withCollateral(() => ({ [name]: crl }));
      expect(await outcome(new Uint8Array())).toBe('AttestationError crl_invalid');
      expect(await outcome(new Uint8Array(64).fill(0xff))).toBe('AttestationError crl_invalid');
      const foreign = await issueCrl({ issuer: other, thisUpdate: notBefore, nextUpdate });
      expect(await outcome(foreign)).toBe('AttestationError crl_invalid');
      const forged = await issueCrl({ issuer: { ...issuer, key: other.key }, thisUpdate: notBefore, nextUpdate });
      expect(await outcome(forged)).toBe('AttestationError crl_invalid');
      const expired = await issueCrl({ issuer, thisUpdate: notBefore, nextUpdate: now - DAY_MS / 2 });
      expect(await outcome(expired)).toBe('AttestationError crl_expired');
      const future = await issueCrl({ issuer, thisUpdate: now + DAY_MS, nextUpdate });
      expect(await outcome(future)).toBe('AttestationError crl_expired');
    },
  );
});
