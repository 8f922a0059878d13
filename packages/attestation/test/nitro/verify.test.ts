import { beforeAll, describe, expect, it } from 'vitest';
import type { CborValue } from '../../src/nitro/cbor-reader.ts';
import { readCbor } from '../../src/nitro/cbor-reader.ts';
import { writeCbor } from '../../src/nitro/cbor-writer.ts';
import { type NitroEvidence, verifyNitro } from '../../src/nitro/verify.ts';
import type { TrustRoots } from '../../src/roots.ts';
import { issueCertificate } from '../../src/testing/certificate-authority.ts';
import { createNitroEmulator, type NitroDocumentInput, type NitroEmulator } from '../../src/testing/nitro-emulator.ts';
import { syntheticValidity } from '../../src/testing/synthetic-time.ts';
import { codeOf } from '../expect-failure.ts';

const NOW = new Date('2026-03-01T12:00:00Z');
const REPORT_DATA = new Uint8Array(64).fill(0x42);
const MALFORMED = 'AttestationError evidence_malformed';
let nitro: NitroEmulator;
let roots: TrustRoots;

beforeAll(async () => {
  nitro = await createNitroEmulator(NOW);
  roots = { amd: { Milan: '', Genoa: '', Turin: '' }, intelSgx: '', awsNitro: nitro.root };
});

const verify = (evidence: NitroEvidence, now = NOW) => verifyNitro(evidence, { now, roots });
const outcome = async (input: NitroDocumentInput) => codeOf(verify(await nitro.attest(REPORT_DATA, input)));
const certificates = () => nitro.chain.map(({ certificate }) => certificate);

/** A document of which one of the four parts was replaced after it was signed. */
async function withPart(index: number, part: CborValue): Promise<string> {
  const { document } = await nitro.attest(REPORT_DATA);
  const parts = [...(readCbor(document) as readonly CborValue[])];
  parts[index] = part;
  return codeOf(verify({ document: writeCbor(parts) }));
}

describe('verifyNitro', () => {
  it('accepts a genuine document', async () => {
    const verified = await verify(await nitro.attest(REPORT_DATA));
    expect(verified).toMatchObject({ debug: false, userData: REPORT_DATA, nonce: null, timestamp: NOW.getTime() });
    expect(verified.pcrs.get(1)).toBe('e1'.repeat(48));
  });

  it('says when the enclave is in debug mode', async () => {
    const pcrs = new Map([[0, new Uint8Array(48)]]);
    await expect(verify(await nitro.attest(REPORT_DATA, { fields: { pcrs } }))).resolves.toMatchObject({ debug: true });
  });

  it.each<[string, NitroDocumentInput]>([
    ['ES256', { protectedHeader: new Map([[1, -7]]) }],
    [
      'one more protected header',
      {
        protectedHeader: new Map<number, CborValue>([
          [1, -35],
          [4, 'key'],
        ]),
      },
    ],
    ['no protected header', { protectedHeader: new Map() }],
    ['an unprotected header', { unprotectedHeader: new Map([[4, 'key']]) }],
    ['an unprotected header that is no map', { unprotectedHeader: [] }],
    ['another digest', { fields: { digest: 'SHA512' } }],
    ['no digest', { fields: { digest: null } }],
    ['no module id', { fields: { module_id: '' } }],
    ['a module id of bytes', { fields: { module_id: new Uint8Array(4) } }],
    ['no timestamp', { fields: { timestamp: 0 } }],
    ['a timestamp of text', { fields: { timestamp: 'now' } }],
    ['registers that are no map', { fields: { pcrs: [] } }],
    ['no PCR0', { fields: { pcrs: new Map([[1, new Uint8Array(48)]]) } }],
    ['a register of 32 bytes', { fields: { pcrs: new Map([[0, new Uint8Array(32)]]) } }],
    [
      'a register 32',
      {
        fields: {
          pcrs: new Map([
            [0, new Uint8Array(48)],
            [32, new Uint8Array(48)],
          ]),
        },
      },
    ],
    [
      'a register named by text',
      { fields: { pcrs: new Map<number | string, CborValue>([['0', new Uint8Array(48)]]) } },
    ],
    ['no certificate', { fields: { certificate: null } }],
    ['a certificate that is none', { fields: { certificate: new Uint8Array(8) } }],
    ['an empty bundle', { fields: { cabundle: [] } }],
    ['a bundle of text', { fields: { cabundle: ['root'] } }],
    ['user data of text', { fields: { user_data: 'data' } }],
    ['user data that are too long', { fields: { user_data: new Uint8Array(1_025) } }],
    ['a field that is not known', { fields: { more: 1 } }],
  ])('calls a document with %s malformed', async (_, input) => {
    expect(await outcome(input)).toBe(MALFORMED);
  });

  it('calls what is no document malformed', async () => {
    const { document } = await nitro.attest(REPORT_DATA);
    const tagged = Uint8Array.of(0xd2, ...document);
    const longer = Uint8Array.of(...document, 0);
    for (const bytes of [
      new Uint8Array(),
      writeCbor([1, 2]),
      writeCbor(new Map()),
      tagged,
      longer,
      document.subarray(0, -1),
      new Uint8Array(16_385),
    ]) {
      expect(await codeOf(verify({ document: bytes }))).toBe(MALFORMED);
    }
    expect(await withPart(3, new Uint8Array(95))).toBe(MALFORMED);
  });

  it('refuses a payload, header or signature of another document', async () => {
    const other = readCbor((await nitro.attest(new Uint8Array(64))).document) as readonly CborValue[];
    for (const index of [2, 3]) {
      expect(await withPart(index, other[index] ?? null)).toBe('AttestationError signature_invalid');
    }
  });

  it('refuses a bundle that is reordered, shortened, or of another root', async () => {
    const [, host, zone, root] = certificates();
    if (!host || !zone || !root) throw new RangeError('chain is incomplete');
    const foreign = (await createNitroEmulator(NOW)).chain.at(-1)?.certificate ?? new Uint8Array();
    for (const cabundle of [
      [host, zone, root],
      [root, host, zone],
      [zone, host],
      [root, host],
      [foreign, zone, host],
    ]) {
      expect(await outcome({ fields: { cabundle } })).toBe('AttestationError chain_untrusted');
    }
  });

  it('refuses a chain of more than five', async () => {
    const [, host, zone, root] = certificates();
    if (!host || !zone || !root) throw new RangeError('chain is incomplete');
    expect(await outcome({ fields: { cabundle: [root, zone, zone, zone, host] } })).toBe(
      'AttestationError chain_untrusted',
    );
  });

  it('refuses a chain that is longer than its path lengths allow', async () => {
    const [leaf, host, zone, root] = nitro.chain;
    if (!leaf || !host || !zone || !root) throw new RangeError('chain is incomplete');
    const ca = { ...syntheticValidity(NOW), commonName: 'below', key: leaf.key, issuer: host, ca: {} };
    const below = await issueCertificate(ca);
    const certificate = await issueCertificate({ ...ca, commonName: 'enclave', issuer: below, ca: null });
    const cabundle = [root, zone, host, below].map((issued) => issued.certificate);
    const fields = { certificate: certificate.certificate, cabundle };
    expect(await outcome({ fields })).toBe('AttestationError chain_untrusted');
  });

  it('refuses a document after its certificates have expired', async () => {
    const later = new Date('2028-01-01T00:00:00Z');
    expect(await codeOf(verify(await nitro.attest(REPORT_DATA), later))).toBe('AttestationError cert_expired');
  });
});
