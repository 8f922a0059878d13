import { DER_TAG, DerReader } from '@sotto/protocol/der';
import { describe, expect, it } from 'vitest';
import { derBits, derBoolean, derNamedBits, derNumber, derOid, derText, derTime } from '../../src/der/der-values.ts';
import { decodeHex } from '../../src/hex.ts';
import { integer, namedBits, oid, time } from '../../src/testing/der-writer.ts';

const bytes = (hex: string) => decodeHex(hex) ?? new Uint8Array();

describe('values of DER', () => {
  it.each([
    ['an integer of five bytes', () => derNumber(bytes('0100000000'))],
    ['a boolean that is neither 00 nor FF', () => derBoolean(bytes('01'))],
    ['a boolean of two bytes', () => derBoolean(bytes('ffff'))],
    ['a bit string with unused bits', () => derBits(bytes('0101'))],
    ['named bits with unused bits set', () => derNamedBits(bytes('0101'))],
    ['empty named bits', () => derNamedBits(bytes('00'))],
    ['named bits with eight unused', () => derNamedBits(bytes('0800'))],
    ['an empty object identifier', () => derOid(bytes(''))],
    ['an object identifier that is cut', () => derOid(bytes('2a86'))],
    ['an object identifier with a padded arc', () => derOid(bytes('2a8001'))],
    ['an object identifier with a huge arc', () => derOid(bytes('2affffffffffffff7f'))],
    ['text in another tag', () => derText({ tag: 0x1e, contents: bytes('0041'), encoded: bytes('') })],
    ['text that is not UTF-8', () => derText({ tag: 0x0c, contents: bytes('ff'), encoded: bytes('') })],
  ])('are refused: %s', (_, read) => {
    expect(read).toThrow(RangeError);
  });

  const at = (tag: number, text: string) =>
    derTime({ tag, contents: new TextEncoder().encode(text), encoded: bytes('') });

  it('has two-digit years from 1950 to 2049', () => {
    expect(at(DER_TAG.utcTime, '491231235959Z')).toBe(Date.UTC(2049, 11, 31, 23, 59, 59));
    expect(at(DER_TAG.utcTime, '500101000000Z')).toBe(Date.UTC(1950, 0, 1));
    expect(at(DER_TAG.generalizedTime, '20500101000000Z')).toBe(Date.UTC(2050, 0, 1));
  });

  it.each([
    [DER_TAG.utcTime, '2601010000Z'],
    [DER_TAG.utcTime, '260101000000+0100'],
    [DER_TAG.utcTime, '260230000000Z'],
    [DER_TAG.utcTime, '261301000000Z'],
    [DER_TAG.utcTime, '260101240000Z'],
    [DER_TAG.utcTime, '20260101000000Z'],
    [DER_TAG.generalizedTime, '20260101000000Z'],
    [DER_TAG.generalizedTime, '20500101000000.5Z'],
    [DER_TAG.octetString, '260101000000Z'],
  ])('refuses a time of tag %i that reads %s', (tag, text) => {
    expect(() => at(tag, text)).toThrow(RangeError);
  });

  it('reads what the writer of the synthetic PKI writes', () => {
    for (const number of [0, 1, 127, 128, 255, 256, 65_535, 4_294_967_295]) {
      expect(derNumber(new DerReader(integer(number)).read(DER_TAG.integer))).toBe(number);
    }
    for (const dotted of ['2.5.29.15', '1.2.840.113741.1.13.1.2.17', '1.3.6.1.4.1.3704.1.3.8']) {
      expect(derOid(new DerReader(oid(dotted)).read(DER_TAG.oid))).toBe(dotted);
    }
    expect([...derNamedBits(new DerReader(namedBits([0, 5, 6])).read(DER_TAG.bitString))]).toEqual([0, 5, 6]);
    for (const moment of [Date.UTC(2026, 2, 1), Date.UTC(2051, 2, 1)]) {
      expect(derTime(new DerReader(time(moment)).next())).toBe(moment);
    }
  });
});
