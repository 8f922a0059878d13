import { X509Certificate as NodeCertificate } from 'node:crypto';
import { encodeHex } from '@sotto/protocol';
import { DER_TAG } from '@sotto/protocol/der';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type CertificateInput,
  type IssuedCertificate,
  issueCertificate,
  issueCrl,
} from '../../src/testing/certificate-authority.ts';
import { bitString, der, integer, nameOf, sequence } from '../../src/testing/der-writer.ts';
import { generateSigningKey, type SigningKey } from '../../src/testing/signing-key.ts';
import { commonName, parseCertificate } from '../../src/x509/certificate.ts';
import { parseCrl } from '../../src/x509/crl.ts';
import { peculiarCertificate, peculiarCrl } from '../peculiar-x509.ts';

const VALIDITY = { notBefore: Date.UTC(2026, 0, 1), notAfter: Date.UTC(2052, 0, 1) };
let key: SigningKey;
let root: IssuedCertificate;

beforeAll(async () => {
  key = await generateSigningKey('ecdsa-p384-sha384');
  root = await issueCertificate({ ...VALIDITY, commonName: 'root', key, ca: { pathLength: 1 }, serial: 0x8001 });
});

const issue = (input: Partial<CertificateInput>) =>
  issueCertificate({ ...VALIDITY, commonName: 'leaf', key, issuer: root, ...input });
const isRefused = (bytes: Uint8Array) => expect(() => parseCertificate(bytes)).toThrow(RangeError);

describe('parseCertificate', () => {
  it('reads what node:crypto and @peculiar/x509 read', () => {
    const parsed = parseCertificate(root.certificate);
    const [node, peculiar] = [new NodeCertificate(root.certificate), peculiarCertificate(root.certificate)];
    expect(parsed.serial).toBe(node.serialNumber.toLowerCase());
    expect(parsed.serial).toBe(peculiar.serialNumber.replace(/^00/, ''));
    expect(commonName(parsed.subject)).toBe(peculiar.subjectName.getField('CN')[0]);
    expect(parsed.notBefore).toBe(Date.parse(node.validFrom));
    expect(parsed.notAfter).toBe(peculiar.notAfter.getTime());
    expect(parsed.isCa).toBe(node.ca);
    expect(parsed.pathLength).toBe(1);
    expect([...parsed.extensions.keys()]).toEqual(peculiar.extensions.map(({ type }) => type));
    expect(node.verify(node.publicKey)).toBe(true);
  });

  it('refuses a certificate that is cut anywhere, or has bytes after its end', () => {
    const { certificate } = root;
    for (let end = 0; end < certificate.length; end++) isRefused(certificate.subarray(0, end));
    isRefused(Uint8Array.of(...certificate, 0));
    isRefused(new Uint8Array(8_193));
  });

  it('refuses an extension that occurs twice', async () => {
    const extension = { oid: '1.2.3.4', value: Uint8Array.of(5, 0) };
    isRefused((await issue({ extensions: [extension, extension] })).certificate);
    isRefused(
      (await issue({ extensions: [{ oid: '2.5.29.15', critical: true, value: Uint8Array.of(3, 2, 7, 128) }] }))
        .certificate,
    );
  });

  it('refuses a critical extension that it does not know', async () => {
    const nameConstraints = { oid: '2.5.29.30', value: sequence() };
    expect(() => parseCertificate(root.certificate)).not.toThrow();
    const harmless = await issue({ extensions: [nameConstraints] });
    expect(() => parseCertificate(harmless.certificate)).not.toThrow();
    isRefused((await issue({ extensions: [{ ...nameConstraints, critical: true }] })).certificate);
  });

  it('refuses a length that is not minimal', () => {
    const { certificate } = root;
    // 30 82 xx xx becomes 30 83 00 xx xx.
    isRefused(Uint8Array.of(0x30, 0x83, 0, ...certificate.subarray(2)));
  });

  it('refuses another algorithm outside than inside', () => {
    const { certificate } = root;
    const text = encodeHex(certificate);
    const outside = text.lastIndexOf('2a8648ce3d040303') / 2;
    const changed = certificate.slice();
    changed[outside + 7] = 2;
    isRefused(changed);
  });

  it.each([
    ['an RSA key of 2,048 bits', '30820122300d06092a864886f70d01010105000382010f00'],
    ['an Ed25519 key', '302a300506032b6570032100'],
  ])('refuses %s', async (_, prefix) => {
    const length = prefix.startsWith('3082') ? 294 : 44;
    const spki = new Uint8Array(length).fill(1);
    spki.set(Buffer.from(prefix, 'hex'));
    isRefused((await issue({ key: { ...key, spki } })).certificate);
  });

  it('refuses a compressed point', async () => {
    const algorithm = key.spki.subarray(2, 20);
    const point = Uint8Array.of(2, ...key.spki.subarray(-96, -48));
    isRefused((await issue({ key: { ...key, spki: sequence(algorithm, bitString(point)) } })).certificate);
  });

  it('refuses a path length without a CA, and a default that is written out', async () => {
    const { certificate } = await issue({ keyUsage: null });
    expect(parseCertificate(replaceBasicConstraints(certificate, sequence())).isCa).toBe(false);
    const falseFlag = der(DER_TAG.boolean, Uint8Array.of(0));
    for (const value of [sequence(integer(0)), sequence(falseFlag)])
      isRefused(replaceBasicConstraints(certificate, value));
  });
});

/** Replaces the empty basicConstraints of a leaf; the signature is of no interest to a parser. */
function replaceBasicConstraints(certificate: Uint8Array, value: Uint8Array): Uint8Array {
  const hex = Buffer.from(certificate).toString('hex');
  const empty = '300c0603551d130101ff04023000';
  const replacement = Buffer.from(
    sequence(Buffer.from('0603551d13', 'hex'), Buffer.from('0101ff', 'hex'), der(DER_TAG.octetString, value)),
  ).toString('hex');
  expect(hex).toContain(empty);
  const grown = (replacement.length - empty.length) / 2;
  const bytes = new Uint8Array(Buffer.from(hex.replace(empty, replacement), 'hex'));
  // The lengths of the certificate, its body and its extensions grow alike.
  const view = new DataView(bytes.buffer);
  for (const offset of [2, 6]) view.setUint16(offset, view.getUint16(offset) + grown);
  const extensions = Buffer.from(bytes).indexOf(Buffer.from('a3', 'hex'), bytes.length - 200);
  for (const offset of [extensions + 1, extensions + 3]) bytes[offset] = (bytes[offset] ?? 0) + grown;
  return bytes;
}

describe('commonName', () => {
  it('refuses a name with none, and with two', () => {
    expect(commonName(nameOf('one'))).toBe('one');
    expect(() => commonName(sequence())).toThrow(RangeError);
    const [, , ...body] = nameOf('one');
    const attribute = Uint8Array.from(body);
    expect(() => commonName(sequence(attribute, attribute))).toThrow(RangeError);
  });
});

describe('parseCrl', () => {
  const dates = { thisUpdate: Date.UTC(2026, 0, 1), nextUpdate: Date.UTC(2026, 1, 1) };

  it('reads what @peculiar/x509 reads', async () => {
    const list = await issueCrl({ ...dates, issuer: root, revoked: [3, 0x80] });
    const [parsed, peculiar] = [parseCrl(list), peculiarCrl(list)];
    expect([...parsed.revoked]).toEqual(
      peculiar.entries.map(({ serialNumber }) => serialNumber.replace(/^00(?=.)/, '')),
    );
    expect(parsed.nextUpdate).toBe(peculiar.nextUpdate?.getTime());
    expect(await peculiar.verify({ publicKey: peculiarCertificate(root.certificate) })).toBe(true);
  });

  it('refuses a list that is cut anywhere', async () => {
    const list = await issueCrl({ ...dates, issuer: root, revoked: [3] });
    for (let end = 0; end < list.length; end++) expect(() => parseCrl(list.subarray(0, end))).toThrow(RangeError);
    expect(() => parseCrl(new Uint8Array(65_537))).toThrow(RangeError);
  });

  it('refuses a certificate in its place', () => {
    expect(() => parseCrl(root.certificate)).toThrow(RangeError);
  });
});
