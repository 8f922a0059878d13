import { beforeAll, describe, expect, it } from 'vitest';
import type { TrustRoots } from '../../src/roots.ts';
import { type SevSnpEvidence, verifySevSnp } from '../../src/sev-snp/verify.ts';
import { issueCertificate, issueCrl } from '../../src/testing/certificate-authority.ts';
import { createSevSnpEmulator, leafExtensions, type SevSnpEmulator } from '../../src/testing/sev-snp-emulator.ts';
import { algorithmIdentifier, generateSigningKey } from '../../src/testing/signing-key.ts';
import { syntheticKey } from '../../src/testing/synthetic-keys.ts';
import { codeOf } from '../expect-failure.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const DAY_MS = 86_400_000;
const REPORT_DATA = new Uint8Array(64).fill(0x42);
let genoa: SevSnpEmulator;
let milan: SevSnpEmulator;
let turin: SevSnpEmulator;
let roots: TrustRoots;

beforeAll(async () => {
  genoa = await createSevSnpEmulator('Genoa', NOW);
  milan = await createSevSnpEmulator('Milan', NOW);
  turin = await createSevSnpEmulator('Turin', NOW);
  roots = {
    amd: { Milan: milan.root, Genoa: genoa.root, Turin: turin.root },
    intelSgx: '',
    awsNitro: '',
  };
}, 60_000);

const verify = (evidence: SevSnpEvidence, now = NOW) => verifySevSnp(evidence, { now, roots });

describe('verifySevSnp', () => {
  it.each([2, 3, 4, 5] as const)('accepts a genuine report of version %i', async (version) => {
    await expect(verify(await genoa.attest(REPORT_DATA, { version }))).resolves.toMatchObject({
      version,
      product: 'Genoa',
      reportData: REPORT_DATA,
      crlChecked: true,
    });
  });

  it.each(
    (['Milan', 'Genoa', 'Turin'] as const).flatMap((product) =>
      (['vcek', 'vlek'] as const).flatMap((signer) =>
        ([2, 3, 4, 5] as const).map((version) => ({ product, signer, version })),
      ),
    ),
  )('accepts what $product signs with a $signer in version $version', async ({ product, signer, version }) => {
    const emulator = { Milan: milan, Genoa: genoa, Turin: turin }[product];
    const verified = await verify(await emulator.attest(REPORT_DATA, { signer, version }));
    expect(verified).toMatchObject({ product, signer, version, tcb: { reported: emulator.tcb } });
  });

  it('accepts the TCB layout and short chip id of Turin', async () => {
    await expect(verify(await turin.attest(REPORT_DATA))).resolves.toMatchObject({
      product: 'Turin',
      tcb: { reported: turin.tcb },
    });
  });

  it('accepts a VLEK, which is of no chip', async () => {
    const verified = await verify(await genoa.attest(REPORT_DATA, { signer: 'vlek' }));
    expect(verified).toMatchObject({ signer: 'vlek', chipId: null });
  });

  it('accepts n - s for s, so that signature bytes identify nothing', async () => {
    const evidence = await genoa.attest(REPORT_DATA);
    const order = 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n; // P-384, FIPS 186-5
    const report = evidence.report.slice();
    const field = report.subarray(0x2a0 + 72, 0x2a0 + 72 + 48);
    const s = field.reduceRight((value, byte) => value * 256n + BigInt(byte), 0n);
    let rest = order - s;
    for (let index = 0; index < 48; index++, rest >>= 8n) field[index] = Number(rest & 0xffn);
    expect(report).not.toEqual(evidence.report);
    await expect(verify({ ...evidence, report })).resolves.toBeDefined();
  });

  it('is good until the first of its certificates and its revocation list runs out', async () => {
    const verified = await verify(await genoa.attest(REPORT_DATA));
    expect(verified.validUntil).toBe(genoa.validity.nextUpdate);
  });
});

describe('an SNP report', () => {
  it.each([0, 1, 671, 1_183, 1_185])('of %i bytes is malformed', async (length) => {
    const evidence = await genoa.attest(REPORT_DATA);
    const report = new Uint8Array(length);
    report.set(evidence.report.subarray(0, length));
    expect(await codeOf(verify({ ...evidence, report }))).toBe('AttestationError evidence_malformed');
  });

  const write =
    (offset: number, ...bytes: number[]) =>
    (report: Uint8Array) =>
      report.set(bytes, offset);
  it.each([
    ['version 0', write(0x00, 0)],
    ['version 1', write(0x00, 1)],
    ['version 6', write(0x00, 6)],
    ['another signature algorithm', write(0x34, 0)],
    ['no signing key', write(0x48, 7 << 2)],
    ['an unknown signing key', write(0x48, 2 << 2)],
    ['a reserved key flag', write(0x4b, 0x80)],
    ['a policy whose bit 17 is clear', write(0x08, 0, 0, 1)],
    ['a policy with reserved bits', write(0x0b, 0x04)],
    ['reserved bytes after the key flags', write(0x4c, 1)],
    ['reserved bytes after the processor', write(0x18b, 1)],
    ['a reserved byte after the firmware version', write(0x1eb, 1)],
    ['reserved bytes at its end', write(0x29f, 1)],
    ['mitigation vectors before version 5', write(0x1f8, 1)],
    ['reserved bytes in its TCB', write(0x182, 1)],
    ['an unknown processor family', write(0x188, 0x17)],
    ['an unknown processor model', write(0x189, 0x50)],
    ['an unknown model of family 1Ah', write(0x188, 0x1a, 0x50)],
  ])('with %s is malformed', async (_, edit) => {
    expect(await codeOf(verify(await genoa.attest(REPORT_DATA, { edit })))).toBe('AttestationError evidence_malformed');
  });

  it.each([
    ['a signature of zeros', 0x2a0, new Uint8Array(144)],
    ['padding after r', 0x2a0 + 48, Uint8Array.of(1)],
    ['padding after s', 0x2a0 + 72 + 48, Uint8Array.of(1)],
    ['bytes after the signature', 0x2a0 + 144, Uint8Array.of(1)],
    ['a byte at its very end', 1_183, Uint8Array.of(1)],
  ])('with %s is malformed', async (_, offset, bytes) => {
    const evidence = await genoa.attest(REPORT_DATA);
    const report = evidence.report.slice();
    report.set(bytes, offset);
    expect(await codeOf(verify({ ...evidence, report }))).toBe('AttestationError evidence_malformed');
  });

  it('whose report data was changed afterwards does not verify', async () => {
    const evidence = await genoa.attest(REPORT_DATA);
    const report = evidence.report.slice();
    report[0x50] = 0x43;
    expect(await codeOf(verify({ ...evidence, report }))).toBe('AttestationError signature_invalid');
  });
});

describe('the certificate of the signing key', () => {
  const endorsement = 'AttestationError endorsement_mismatch';

  it('must be of the product that the report names', async () => {
    const [report, other] = [await genoa.attest(REPORT_DATA), await milan.attest(REPORT_DATA)];
    expect(await codeOf(verify({ ...other, report: report.report }))).toBe(endorsement);
    const older = await turin.attest(REPORT_DATA);
    expect(await codeOf(verify({ ...report, report: older.report }))).toBe(endorsement);
    expect(await codeOf(verify({ ...older, report: report.report }))).toBe(endorsement);
  });

  it('must name the product of the root it comes from', async () => {
    const leaf = { extensions: leafExtensions('Milan', genoa.tcb, genoa.chipId) };
    expect(await codeOf(verify(await genoa.attest(REPORT_DATA, { leaf })))).toBe(endorsement);
  });

  it('must be of the chip that the report names', async () => {
    const leaf = { extensions: leafExtensions('Genoa', genoa.tcb, new Uint8Array(64).fill(0xc2)) };
    expect(await codeOf(verify(await genoa.attest(REPORT_DATA, { leaf })))).toBe(endorsement);
  });

  it.each(['bl', 'tee', 'snp', 'ucode'] as const)('must be of the %s version that the report claims', async (name) => {
    const leaf = { extensions: leafExtensions('Genoa', { ...genoa.tcb, [name]: genoa.tcb[name] + 1 }, genoa.chipId) };
    expect(await codeOf(verify(await genoa.attest(REPORT_DATA, { leaf })))).toBe(endorsement);
  });

  it('must be of the fmc version that a report of Turin claims', async () => {
    const leaf = { extensions: leafExtensions('Turin', { ...turin.tcb, fmc: 9 }, turin.chipId.subarray(0, 8)) };
    expect(await codeOf(verify(await turin.attest(REPORT_DATA, { leaf })))).toBe(endorsement);
  });

  it('must be of the kind of key that the report names', async () => {
    const leaf = { commonName: 'SEV-VLEK', extensions: leafExtensions('Genoa', genoa.tcb, null) };
    expect(await codeOf(verify(await genoa.attest(REPORT_DATA, { leaf })))).toBe(endorsement);
  });

  it.each([
    ['another name', { commonName: 'SEV-OTHER' }],
    ['no AMD extensions', { extensions: [] }],
    [
      'a chip id of another length',
      { extensions: leafExtensions('Genoa', { bl: 10, tee: 0, snp: 23, ucode: 84 }, new Uint8Array(8)) },
    ],
  ])('with %s is malformed', async (_, leaf) => {
    expect(await codeOf(verify(await genoa.attest(REPORT_DATA, { leaf })))).toBe('AttestationError evidence_malformed');
  });

  it('may not be of a CA', async () => {
    const leaf = { ca: {} };
    expect(await codeOf(verify(await genoa.attest(REPORT_DATA, { leaf })))).toBe('AttestationError chain_untrusted');
  });

  it.each(['ask', 'ark'] as const)('may not be the %s', async (name) => {
    const evidence = await genoa.attest(REPORT_DATA);
    const leaf = genoa[name].certificate;
    expect(await codeOf(verify({ ...evidence, leaf }))).toBe('AttestationError chain_untrusted');
  });
});

describe('the chain of AMD', () => {
  const untrusted = 'AttestationError chain_untrusted';

  it.each(['ask', 'ark'] as const)('may not lack the %s', async (name) => {
    expect(await codeOf(verify({ ...(await genoa.attest(REPORT_DATA)), [name]: undefined }))).toBe(untrusted);
  });

  it('may not end in the root of another family', async () => {
    const evidence = await genoa.attest(REPORT_DATA);
    expect(await codeOf(verify({ ...evidence, ark: milan.ark.certificate }))).toBe(untrusted);
    expect(await codeOf(verify({ ...evidence, ask: milan.ask.certificate, ark: milan.ark.certificate }))).toBe(
      untrusted,
    );
  });

  it('may not be made by somebody else under the same names', async () => {
    // The intermediate's key serves as a foreign root: a third RSA key would cost seconds and show no more.
    const foreign = await issueCertificate({ ...genoa.validity, commonName: 'ARK-Genoa', key: genoa.ask.key, ca: {} });
    const ask = await issueCertificate({
      ...genoa.validity,
      commonName: 'SEV-Genoa',
      key: genoa.ark.key,
      issuer: foreign,
      ca: {},
    });
    const evidence = await genoa.attest(REPORT_DATA, { leaf: { issuer: ask } });
    expect(await codeOf(verify({ ...evidence, ask: ask.certificate, ark: foreign.certificate }))).toBe(untrusted);
    expect(await codeOf(verify({ ...evidence, ask: ask.certificate }))).toBe(untrusted);
  });

  it('may not go through the intermediate of VLEKs for a VCEK', async () => {
    const evidence = await genoa.attest(REPORT_DATA, { leaf: { issuer: genoa.asvk } });
    expect(await codeOf(verify({ ...evidence, ask: genoa.asvk.certificate }))).toBe(untrusted);
  });

  it.each([
    ['no CA', { ca: null }],
    ['without keyCertSign', { keyUsage: [6] }],
    ['without key usage', { keyUsage: null }],
  ])('may not go through an intermediate that is %s', async (_, input) => {
    const ask = await issueCertificate({
      ...genoa.validity,
      commonName: 'SEV-Genoa',
      key: genoa.ask.key,
      issuer: genoa.ark,
      ca: {},
      ...input,
    });
    const evidence = await genoa.attest(REPORT_DATA, { leaf: { issuer: ask } });
    expect(await codeOf(verify({ ...evidence, ask: ask.certificate }))).toBe(untrusted);
  });

  it('may not be signed with ECDSA', async () => {
    const key = await syntheticKey('foreign-ec', 'ecdsa-p384-sha384');
    const ask = await issueCertificate({ ...genoa.validity, commonName: 'SEV-Genoa', key, issuer: genoa.ark, ca: {} });
    const evidence = await genoa.attest(REPORT_DATA, { leaf: { issuer: ask } });
    expect(await codeOf(verify({ ...evidence, ask: ask.certificate }))).toBe(untrusted);
  });

  it('may not have other PSS parameters: SHA-256', async () => {
    // The last arc of its two digests, 2.16.840.1.101.3.4.2.2, and of those that mask generation names.
    const hex = Buffer.from(algorithmIdentifier('rsa-pss-sha384')).toString('hex');
    const algorithm = new Uint8Array(Buffer.from(hex.replaceAll('0402020500', '0402010500'), 'hex'));
    expect(algorithm).not.toEqual(algorithmIdentifier('rsa-pss-sha384'));
    const evidence = await genoa.attest(REPORT_DATA, { leaf: { algorithm } });
    expect(await codeOf(verify(evidence))).toBe('AttestationError evidence_malformed');
  });

  it.each([
    ['a salt of 32 bytes', 0x20],
    ['a salt of 64 bytes', 0x40],
  ])('may not have other PSS parameters: %s', async (_, salt) => {
    const algorithm = algorithmIdentifier('rsa-pss-sha384').slice();
    algorithm[algorithm.length - 1] = salt;
    const evidence = await genoa.attest(REPORT_DATA, { leaf: { algorithm } });
    expect(await codeOf(verify(evidence))).toBe('AttestationError evidence_malformed');
  });

  it('is not taken before its time, or in 2040', async () => {
    const evidence = await genoa.attest(REPORT_DATA);
    const before = new Date(NOW.getTime() - 2 * DAY_MS);
    expect(await codeOf(verify(evidence, before))).toBe('AttestationError cert_expired');
    expect(await codeOf(verify(evidence, new Date('2040-01-01T00:00:00Z')))).toBe('AttestationError cert_expired');
  });

  it('bears five minutes between the clocks, and no more', async () => {
    const leaf = { notBefore: NOW.getTime() + 240_000 };
    await expect(verify(await genoa.attest(REPORT_DATA, { leaf }))).resolves.toBeDefined();
    const later = { notBefore: NOW.getTime() + 360_000 };
    expect(await codeOf(verify(await genoa.attest(REPORT_DATA, { leaf: later })))).toBe(
      'AttestationError cert_expired',
    );
  });

  it('refuses to be judged at no time at all', async () => {
    const evidence = await genoa.attest(REPORT_DATA);
    expect(await codeOf(verify(evidence, new Date(Number.NaN)))).toBe('ConfigurationError invalid_option');
    const skewed = verifySevSnp(evidence, { now: NOW, roots, clockSkewMs: Number.NaN });
    expect(await codeOf(skewed)).toBe('ConfigurationError invalid_option');
  });
});

describe('the revocation list of AMD', () => {
  const list = (input: {
    issuer?: SevSnpEmulator['ark'];
    thisUpdate?: number;
    nextUpdate?: number;
    revoked?: number[];
  }) =>
    issueCrl({
      issuer: genoa.ark,
      thisUpdate: genoa.validity.notBefore,
      nextUpdate: genoa.validity.nextUpdate,
      ...input,
    });
  const withList = async (crl: Uint8Array) => codeOf(verify({ ...(await genoa.attest(REPORT_DATA)), crl }));

  it('may be left out, which the result says', async () => {
    const evidence = await genoa.attest(REPORT_DATA, { withoutCrl: true });
    await expect(verify(evidence)).resolves.toMatchObject({ crlChecked: false });
  });

  it('is refused when it is empty, garbage, or cut short', async () => {
    for (const crl of [new Uint8Array(), new Uint8Array(100).fill(0x30), genoa.crl.subarray(0, -1)]) {
      expect(await withList(crl)).toBe('AttestationError crl_invalid');
    }
  });

  it('is refused when it is of another issuer', async () => {
    expect(await withList(milan.crl)).toBe('AttestationError crl_invalid');
    const key = await generateSigningKey('ecdsa-p384-sha384');
    const impostor = { ...genoa.ark, key };
    expect(await withList(await list({ issuer: impostor }))).toBe('AttestationError crl_invalid');
  });

  it('is refused when it has expired, or is of the future', async () => {
    const past = { thisUpdate: NOW.getTime() - 9 * DAY_MS, nextUpdate: NOW.getTime() - 8 * DAY_MS };
    expect(await withList(await list(past))).toBe('AttestationError crl_expired');
    expect(await withList(await list({ thisUpdate: NOW.getTime() + DAY_MS }))).toBe('AttestationError crl_expired');
  });

  it('revokes the intermediate', async () => {
    expect(await withList(await list({ revoked: [7, 2] }))).toBe('AttestationError cert_revoked');
    await expect(
      verify({ ...(await genoa.attest(REPORT_DATA)), crl: await list({ revoked: [7, 8] }) }),
    ).resolves.toBeDefined();
  });
});
