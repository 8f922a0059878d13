import { X509Certificate as NodeCertificate, verify as nodeVerify } from 'node:crypto';
import { concatBytes } from '@sotto/protocol';
import { describe, expect, it } from 'vitest';
import { parseNitroDocument } from '../../src/nitro/attestation-document.ts';
import { parseSnpReport } from '../../src/sev-snp/report.ts';
import { parseTdxQuote } from '../../src/tdx/quote.ts';
import { verifyTdx } from '../../src/tdx/verify.ts';
import { commonName, parseCertificate } from '../../src/x509/certificate.ts';
import { parseCrl } from '../../src/x509/crl.ts';
import { decodePemChain } from '../../src/x509/pem.ts';
import { peculiarCertificate, peculiarCrl } from '../peculiar-x509.ts';
import { verifyWithQvl } from '../phala-qvl.ts';
import { amdChain, EXPECTED, hasSharedEvidence, readCollateral, recorded, recordedText } from './evidence-files.ts';

const CHAINS = [
  ...EXPECTED.snp.map((entry) => {
    const { ask, ark } = amdChain(entry);
    return { name: entry.name, at: entry.at, chain: [recorded(entry.leaf), ask, ark] };
  }),
  ...EXPECTED.tdx.map(({ name, at, quote }) => ({ name, at, chain: parseTdxQuote(recorded(quote)).pckChain })),
  ...EXPECTED.nitro.map(({ name, at, doc }) => ({ name, at, chain: parseNitroDocument(recorded(doc)).chain })),
];

describe.runIf(hasSharedEvidence)('certificates of recorded evidence', () => {
  it.each(CHAINS)('are read and verified alike by node:crypto and @peculiar/x509: $name', async ({ at, chain }) => {
    for (const [index, bytes] of chain.entries()) {
      const ours = parseCertificate(bytes);
      const [node, peculiar] = [new NodeCertificate(bytes), peculiarCertificate(bytes)];
      expect(commonName(ours.subject)).toBe(peculiar.subjectName.getField('CN')[0]);
      expect(ours.isCa).toBe(node.ca);
      expect([ours.notBefore, ours.notAfter]).toEqual([peculiar.notBefore.getTime(), peculiar.notAfter.getTime()]);
      expect([...ours.extensions.keys()]).toEqual(peculiar.extensions.map(({ type }) => type));
      const issuer = chain[index + 1] ?? bytes;
      expect(node.verify(new NodeCertificate(issuer).publicKey)).toBe(true);
      expect(await peculiar.verify({ publicKey: peculiarCertificate(issuer), date: at })).toBe(true);
    }
  });
});

describe.runIf(hasSharedEvidence)('signatures of recorded evidence', () => {
  it.each(EXPECTED.snp)('verify with node:crypto: $name', (entry) => {
    const { signed, signature } = parseSnpReport(recorded(entry.report));
    const key = new NodeCertificate(recorded(entry.leaf)).publicKey;
    expect(nodeVerify('sha384', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
  });

  it.each(EXPECTED.tdx)('verify with node:crypto: $name', (entry) => {
    const quote = parseTdxQuote(recorded(entry.quote));
    const pck = new NodeCertificate(quote.pckChain[0] ?? new Uint8Array()).publicKey;
    const spki = concatBytes(
      Buffer.from('3059301306072a8648ce3d020106082a8648ce3d03010703420004', 'hex'),
      quote.attestationKey,
    );
    const [der, dsaEncoding] = [{ format: 'der', type: 'spki' } as const, 'ieee-p1363' as const];
    const attestationKey = { key: Buffer.from(spki), ...der, dsaEncoding };
    expect(nodeVerify('sha256', quote.qeReportSigned, { key: pck, dsaEncoding }, quote.qeReportSignature)).toBe(true);
    expect(nodeVerify('sha256', quote.signed, attestationKey, quote.signature)).toBe(true);
  });
});

describe.runIf(hasSharedEvidence)('signatures of recorded documents', () => {
  it.each(EXPECTED.nitro)('verify with node:crypto: $name', (entry) => {
    const { chain, protectedHeader, payload, signature } = parseNitroDocument(recorded(entry.doc));
    const key = new NodeCertificate(chain[0] ?? new Uint8Array()).publicKey;
    // RFC 9052 §4.4, by hand: a list of four, "Signature1", the header of 4 bytes, no more data, the payload.
    expect([protectedHeader.length, payload.length > 255]).toEqual([4, true]);
    const [begin, none] = [Buffer.from('846a5369676e61747572653144', 'hex'), Buffer.from('4059', 'hex')];
    const length = Buffer.alloc(2);
    length.writeUInt16BE(payload.length);
    const signed = concatBytes(begin, protectedHeader, none, length, payload);
    expect(nodeVerify('sha384', signed, { key, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true);
  });

  it.each(EXPECTED.tdx)('of Intel verify with node:crypto: $name', (entry) => {
    const collateral = readCollateral(recordedText(entry.collateral));
    for (const [text, signature, chain] of [
      [collateral.tcbInfo, collateral.tcbInfoSignature, collateral.tcbInfoIssuerChain],
      [collateral.qeIdentity, collateral.qeIdentitySignature, collateral.qeIdentityIssuerChain],
    ] as const) {
      const [signer, root] = decodePemChain(chain).map((der) => new NodeCertificate(der));
      if (signer === undefined || root === undefined) throw new RangeError('chain is incomplete');
      const key = { key: signer.publicKey, dsaEncoding: 'ieee-p1363' } as const;
      expect(nodeVerify('sha256', Buffer.from(text), key, signature)).toBe(true);
      expect(signer.verify(root.publicKey)).toBe(true);
    }
  });
});

describe.runIf(hasSharedEvidence)('TDX evidence that another verifier accepts', () => {
  // It refuses debugging and a platform without a TCB level itself, which is left to the policy here.
  const supported = EXPECTED.tdx.filter(({ crypto, debug }) => crypto === 'valid' && debug === false);

  it.each(supported)('has the status that @phala/dcap-qvl gives it: $name', async (entry) => {
    const [quote, collateral] = [recorded(entry.quote), readCollateral(recordedText(entry.collateral))];
    const report = verifyWithQvl({ quote, collateral }, recorded('roots/intel-sgx-root.der'), entry.at);
    const ours = await verifyTdx({ quote, collateral }, { now: entry.at });
    expect(ours.tcb.status).toBe(report.status);
    expect(ours.tcb.advisories).toEqual(report.advisoryIds);
  });

  it.each(EXPECTED.tdx)('has revocation lists that @peculiar/x509 reads alike: $name', async (entry) => {
    const collateral = readCollateral(recordedText(entry.collateral));
    const [ca, root] = decodePemChain(collateral.pckCrlIssuerChain);
    for (const [list, issuer] of [
      [collateral.pckCrl, ca],
      [collateral.rootCaCrl, root],
    ] as const) {
      const [ours, theirs] = [parseCrl(list), peculiarCrl(list)];
      expect([...ours.revoked].sort()).toEqual(
        theirs.entries.map(({ serialNumber }) => serialNumber.replace(/^00/, '')).sort(),
      );
      expect([ours.thisUpdate, ours.nextUpdate]).toEqual([theirs.thisUpdate.getTime(), theirs.nextUpdate?.getTime()]);
      expect(await theirs.verify({ publicKey: peculiarCertificate(issuer ?? new Uint8Array()) })).toBe(true);
    }
  });
});
