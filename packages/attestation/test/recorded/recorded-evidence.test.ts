import { encodeHex } from '@sotto/protocol';
import { describe, expect, it } from 'vitest';
import { verifyDstack } from '../../src/dstack/verify.ts';
import { verifyNitro } from '../../src/nitro/verify.ts';
import { verifySevSnp } from '../../src/sev-snp/verify.ts';
import { verifyTdx } from '../../src/tdx/verify.ts';
import { parseCertificate } from '../../src/x509/certificate.ts';
import { codeOf } from '../expect-failure.ts';
import {
  amdChain,
  amdChainFile,
  DSTACK_AT,
  DSTACK_FILE,
  EXPECTED,
  hasSharedEvidence,
  RECORDED_FILES,
  readCollateral,
  readDstack,
  recorded,
  recordedText,
  UNUSED_CHAIN_FILE,
} from './evidence-files.ts';

const DAY_MS = 86_400_000;

describe.runIf(hasSharedEvidence)('what is recorded', () => {
  it('is expected of it, file by file, but for one chain that no recording goes through', () => {
    const named = [
      ...EXPECTED.snp.flatMap((entry) => [entry.report, entry.leaf, amdChainFile(entry)]),
      ...EXPECTED.tdx.flatMap(({ quote, collateral }) => [quote, collateral]),
      ...EXPECTED.nitro.map(({ doc }) => doc),
      ...[DSTACK_FILE, UNUSED_CHAIN_FILE, 'roots/intel-sgx-root.der', 'roots/aws-nitro-root-g1.pem'],
    ];
    expect([...new Set(named)].sort()).toEqual([...RECORDED_FILES].sort());
  });
});

type SnpRecording = (typeof EXPECTED.snp)[number];

/** What is wrong with a report under the certificate of another recording. */
function mismatchCode(report: SnpRecording, certificate: SnpRecording): string {
  // A VLEK's goes through another intermediate.
  if (report.signer !== certificate.signer) return 'chain_untrusted';
  // Version 2 does not name its processor, and its TCB version makes no sense in Turin's layout.
  if (report.version === 2 && certificate.product === 'Turin') return 'evidence_malformed';
  return 'endorsement_mismatch';
}

describe.runIf(hasSharedEvidence)('recorded evidence of SEV-SNP', () => {
  it.each(EXPECTED.snp)('gives what is expected of $name', async (entry) => {
    const evidence = { report: recorded(entry.report), leaf: recorded(entry.leaf), ...amdChain(entry) };
    const verified = await verifySevSnp(evidence, { now: entry.at });
    const { current, committed } = verified.firmware;
    const leaf = parseCertificate(evidence.leaf);
    expect([leaf.notBefore, leaf.notAfter]).toEqual([entry.leafNotBefore.getTime(), entry.leafNotAfter.getTime()]);
    expect({
      product: verified.product,
      version: verified.version,
      signer: verified.signer,
      vmpl: verified.vmpl,
      debug: verified.policy.debugAllowed,
      policy: verified.policy.raw,
      platformInfo: verified.platformInfo,
      tcbReported: verified.tcb.reported,
      fwCurrent: `${current.major}.${current.minor}.${current.build}`,
      fwCommitted: `${committed.major}.${committed.minor}.${committed.build}`,
      guestSvn: verified.guestSvn,
      reportData: encodeHex(verified.reportData),
      measurement: verified.measurement,
      hostData: verified.hostData,
      chipId: verified.chipId ?? '0'.repeat(128),
    }).toEqual({
      product: entry.product,
      version: entry.version,
      signer: entry.signer,
      vmpl: entry.vmpl,
      debug: entry.debug,
      policy: entry.policy,
      platformInfo: entry.platformInfo,
      tcbReported: entry.tcbReported,
      fwCurrent: entry.fwCurrent,
      fwCommitted: entry.fwCommitted,
      guestSvn: entry.guestSvn,
      reportData: entry.reportData,
      measurement: entry.measurement,
      hostData: entry.hostData,
      chipId: entry.chipId,
    });
  });

  it.each(EXPECTED.snp)('refuses $name a day after its certificate', async (entry) => {
    const evidence = { report: recorded(entry.report), leaf: recorded(entry.leaf), ...amdChain(entry) };
    const now = new Date(entry.leafNotAfter.getTime() + DAY_MS);
    expect(await codeOf(verifySevSnp(evidence, { now }))).toBe('AttestationError cert_expired');
  });

  it.each(EXPECTED.snp)('refuses $name a day before its certificate', async (entry) => {
    const evidence = { report: recorded(entry.report), leaf: recorded(entry.leaf), ...amdChain(entry) };
    const now = new Date(entry.leafNotBefore.getTime() - DAY_MS);
    expect(await codeOf(verifySevSnp(evidence, { now }))).toBe('AttestationError cert_expired');
  });

  it('refuses each report with the certificate of every other chip or family', async () => {
    for (const entry of EXPECTED.snp) {
      for (const other of EXPECTED.snp) {
        if (recorded(entry.leaf).join() === recorded(other.leaf).join()) continue;
        const evidence = { report: recorded(entry.report), leaf: recorded(other.leaf), ...amdChain(other) };
        const outcome = await codeOf(verifySevSnp(evidence, { now: other.at }));
        expect(outcome).toBe(`AttestationError ${mismatchCode(entry, other)}`);
      }
    }
  });
});

describe.runIf(hasSharedEvidence)('recorded evidence of TDX', () => {
  it.each(EXPECTED.tdx)('gives what is expected of $name', async (entry) => {
    const evidence = { quote: recorded(entry.quote), collateral: readCollateral(recordedText(entry.collateral)) };
    const verified = await verifyTdx(evidence, { now: entry.at });
    expect(verified).toMatchObject({
      version: entry.version,
      bodyType: entry.bodyType,
      mrTd: entry.mrTd,
      rtmr: entry.rtmr,
      mrSeam: entry.mrSeam,
      xfam: entry.xfam,
      teeTcbSvn: entry.teeTcbSvn,
      mrConfigId: entry.mrConfigId,
      attributes: {
        raw: entry.tdAttributes,
        debug: entry.debug ?? false,
        septVeDisable: entry.septVeDisable ?? true,
        migratable: false,
      },
    });
    expect(encodeHex(verified.reportData)).toBe(entry.reportData);
    if (entry.crypto === 'valid-but-no-tcb-level') {
      expect(verified.tcb.status).toBe('NotSupported');
      return;
    }
    expect(verified).toMatchObject({ fmspc: entry.fmspc });
    const { platform, module, quotingEnclave } = verified.tcb;
    const parts = [platform, ...(module === null ? [] : [module]), quotingEnclave];
    expect({ ...verified.tcb, parts }).toMatchObject({
      status: entry.tcbStatus,
      advisories: entry.advisories,
      evaluationDataNumber: entry.tcbEvaluationDataNumber,
      parts: entry.parts,
    });
  });

  it.each(EXPECTED.tdx)('refuses the collateral of $name 60 days later', async (entry) => {
    const evidence = { quote: recorded(entry.quote), collateral: readCollateral(recordedText(entry.collateral)) };
    const now = new Date(entry.at.getTime() + 60 * DAY_MS);
    expect(await codeOf(verifyTdx(evidence, { now }))).toMatch(/collateral_expired|crl_expired|cert_expired/);
  });
});

describe.runIf(hasSharedEvidence)('recorded evidence of dstack', () => {
  it('replays the event log into all four registers', async () => {
    const verified = await verifyDstack(readDstack(recordedText(DSTACK_FILE)), { now: DSTACK_AT });
    expect(verified).toMatchObject({
      tcb: { status: 'UpToDate' },
      composeHash: '3763bc34552cf3a27ff71ad5f7a90471562a1a2df552dfc1998cba2d60da27e7',
      appId: '3763bc34552cf3a27ff71ad5f7a90471562a1a2d',
      osImageHash: null,
    });
  });
});

describe.runIf(hasSharedEvidence)('recorded evidence of Nitro', () => {
  it.each(EXPECTED.nitro)('gives what is expected of $name', async (entry) => {
    const verified = await verifyNitro({ document: recorded(entry.doc) }, { now: entry.at });
    const hex = (bytes: Uint8Array | null) => (bytes === null ? null : encodeHex(bytes));
    expect(verified.moduleId).toBe(entry.moduleId);
    expect(verified.debug).toBe(entry.debug);
    expect(verified.validUntil).toBe(entry.leafNotAfter.getTime());
    expect([hex(verified.userData), hex(verified.nonce), hex(verified.publicKey)]).toEqual([
      entry.userData,
      entry.nonce,
      entry.publicKey,
    ]);
    expect([0, 1, 2].map((index) => verified.pcrs.get(index))).toEqual([entry.pcr0, entry.pcr1, entry.pcr2]);
  });

  it.each(EXPECTED.nitro)('refuses $name a day later', async (entry) => {
    const now = new Date(entry.at.getTime() + DAY_MS);
    const outcome = await codeOf(verifyNitro({ document: recorded(entry.doc) }, { now }));
    expect(outcome).toBe('AttestationError cert_expired');
  });
});
