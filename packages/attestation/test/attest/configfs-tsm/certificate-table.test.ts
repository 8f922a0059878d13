import { concatBytes } from '@sotto/protocol';
import { describe, expect, it } from 'vitest';
import { parseCertificateTable } from '../../../src/attest/configfs-tsm/certificate-table.ts';
import { CERTIFICATE_GUIDS, writeCertificateTable } from '../../../src/testing/certificate-table.ts';
import { encodePemChain } from '../../../src/x509/pem.ts';
import { syntheticWorld } from '../synthetic-world.ts';

const { sevSnp } = await syntheticWorld();
const [ask, ark] = [sevSnp.ask.certificate, sevSnp.ark.certificate];
const { vcek: VCEK, ask: ASK, ark: ARK } = CERTIFICATE_GUIDS;

describe('parseCertificateTable', () => {
  it('reads what it knows, and passes over the rest', () => {
    const table = writeCertificateTable([
      [ASK, ask],
      ['11'.repeat(16), new Uint8Array(40_000)],
      [ARK, ark],
    ]);
    expect(parseCertificateTable(table)).toEqual({ ask, ark });
  });

  it('reads a table of nothing', () => {
    expect(parseCertificateTable(new Uint8Array(24))).toEqual({});
  });

  it('reads PEM too, which hosts store as their operator gave it', () => {
    const pem = new TextEncoder().encode(encodePemChain(ask));
    expect(parseCertificateTable(writeCertificateTable([[ASK, pem]]))).toEqual({ ask });
  });

  it('refuses a table that is cut anywhere', () => {
    const table = writeCertificateTable([[VCEK, Uint8Array.of(0x30, 0)]]);
    for (let length = 0; length < table.length; length++) {
      expect(() => parseCertificateTable(table.subarray(0, length))).toThrow(RangeError);
    }
  });

  it.each([
    ['into itself', 16, 0],
    ['behind its end', 16, 0xffff],
    ['over its end', 20, 0xffff],
  ])('refuses an entry that points %s', (_, offset, value) => {
    const table = writeCertificateTable([[ASK, ask]]);
    new DataView(table.buffer).setUint32(offset, value, true);
    expect(() => parseCertificateTable(table)).toThrow(RangeError);
  });

  it.each([
    [
      'a certificate twice',
      [
        [ASK, ask],
        [ASK, ask],
      ],
    ],
    ['a certificate of no bytes', [[ASK, new Uint8Array()]]],
    ['a certificate that is longer than any', [[ASK, new Uint8Array(16_385)]]],
    ['two certificates in one PEM', [[ASK, new TextEncoder().encode(encodePemChain(ask, ark))]]],
    ['PEM that is none', [[ASK, new TextEncoder().encode('-----BEGIN NOTHING-----')]]],
    ['more entries than a host has', Array.from({ length: 17 }, () => ['22'.repeat(16), ask])],
  ] as [string, [string, Uint8Array][]][])('refuses %s', (_, entries) => {
    expect(() => parseCertificateTable(writeCertificateTable(entries))).toThrow(RangeError);
  });

  it('refuses a table that does not end', () => {
    const entry = concatBytes(new Uint8Array(16).fill(1), new Uint8Array(8));
    expect(() => parseCertificateTable(concatBytes(entry, entry))).toThrow(RangeError);
  });
});
