import { X509Certificate as NodeCertificate, verify as nodeVerify } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { parseNitroDocument } from '../src/nitro/attestation-document.ts';
import { parseSnpReport } from '../src/sev-snp/report.ts';
import { parseTdxQuote } from '../src/tdx/quote.ts';
import { verifyTdx } from '../src/tdx/verify.ts';
import { createSyntheticPlatforms, type SyntheticPlatforms } from '../src/testing/synthetic-router.ts';
import type { JsonObject } from '../src/testing/tdx-collateral.ts';
import type { TdxQuoteInput } from '../src/testing/tdx-emulator.ts';
import { parseCertificate } from '../src/x509/certificate.ts';
import { peculiarCertificate, peculiarCrl } from './peculiar-x509.ts';
import { verifyWithQvl } from './phala-qvl.ts';

// That the emulators sign as the vendors do is seen by readers that are not ours.
const NOW = new Date('2026-03-01T12:00:00Z');
const REPORT_DATA = new Uint8Array(64).fill(0x42);
let platforms: SyntheticPlatforms;

beforeAll(async () => {
  platforms = await createSyntheticPlatforms(NOW);
}, 60_000);

/** Leaf first. */
async function chainOf(type: 'sev-snp' | 'vlek' | 'tdx' | 'aws-nitro'): Promise<readonly Uint8Array[]> {
  if (type === 'tdx') return parseTdxQuote((await platforms.tdx.attest(REPORT_DATA)).quote).pckChain;
  if (type === 'aws-nitro') return parseNitroDocument((await platforms.nitro.attest(REPORT_DATA)).document).chain;
  const { leaf, ask, ark } = await platforms.sevSnp.attest(REPORT_DATA, { signer: type === 'vlek' ? 'vlek' : 'vcek' });
  if (ask === undefined || ark === undefined) throw new RangeError('chain is incomplete');
  return [leaf, ask, ark];
}

/** It judges no TDX modules; quoting enclaves it does. */
function withOldLevel(identity: JsonObject): void {
  const old = {
    tcb: { isvsvn: 3 },
    tcbDate: '2023-08-09T00:00:00Z',
    tcbStatus: 'OutOfDate',
    advisoryIDs: ['INTEL-SA-00615'],
  };
  identity['tcbLevels'] = [...(identity['tcbLevels'] as JsonObject[]), old];
}

describe('the synthetic vendors', () => {
  it.each(['sev-snp', 'vlek', 'tdx', 'aws-nitro'] as const)(
    'issue chains that node:crypto and @peculiar/x509 read and verify alike: %s',
    async (type) => {
      const chain = await chainOf(type);
      for (const [index, der] of chain.entries()) {
        const [ours, node, peculiar] = [parseCertificate(der), new NodeCertificate(der), peculiarCertificate(der)];
        expect([ours.isCa, ours.notAfter]).toEqual([node.ca, peculiar.notAfter.getTime()]);
        expect([...ours.extensions.keys()]).toEqual(peculiar.extensions.map((extension) => extension.type));
        const issuer = chain[index + 1] ?? der;
        expect(node.verify(new NodeCertificate(issuer).publicKey)).toBe(true);
        expect(await peculiar.verify({ publicKey: peculiarCertificate(issuer), date: NOW })).toBe(true);
      }
    },
  );

  it('issue revocation lists that @peculiar/x509 verifies', async () => {
    const { sevSnp, tdx } = platforms;
    const { collateral } = await tdx.attest(REPORT_DATA, { revoked: { byCa: [9] } });
    for (const [list, { certificate }] of [
      [sevSnp.crl, sevSnp.ark],
      [collateral.pckCrl, tdx.certificates.ca],
      [collateral.rootCaCrl, tdx.certificates.root],
    ] as const) {
      expect(await peculiarCrl(list).verify({ publicKey: peculiarCertificate(certificate) })).toBe(true);
    }
  });

  it.each([2, 3, 4, 5] as const)('sign a report of version %i as node:crypto expects', async (version) => {
    const { report, leaf } = await platforms.sevSnp.attest(REPORT_DATA, { version });
    const { signed, signature } = parseSnpReport(report);
    const key = new NodeCertificate(leaf).publicKey;
    expect(nodeVerify('sha384', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
  });

  it.each<[string, TdxQuoteInput]>([
    ['version 4', { version: 4 }],
    ['version 5 with the body of TDX 1.5', { version: 5, bodyType: 3 }],
    ['version 5 with the body of TDX 1.0', { version: 5, bodyType: 2 }],
    ['an old quoting enclave', { editQeReport: (report) => report.set([3], 258), editQeIdentity: withOldLevel }],
    ['an old platform', { editBody: (body) => body.set([2], 2) }],
  ])('make quotes that @phala/dcap-qvl accepts, and judges alike: %s', async (_, input) => {
    const { tdx, roots } = platforms;
    const evidence = await tdx.attest(REPORT_DATA, input);
    const theirs = verifyWithQvl(evidence, tdx.certificates.root.certificate, NOW);
    const { tcb } = await verifyTdx(evidence, { now: NOW, roots });
    expect({ status: tcb.status, advisoryIds: tcb.advisories }).toEqual(theirs);
  });
});
