import { describe, expect, it } from 'vitest';
import { DER_TAG, DerReader, unsignedInteger } from '../../src/der/index.ts';
import { bytes } from '../hex.ts';

describe('DerReader', () => {
  it('reads nested elements, and says where it ends', () => {
    const reader = new DerReader(bytes('3006020105040100')).sequence();
    expect(reader.read(DER_TAG.integer)).toEqual(Uint8Array.of(5));
    expect(reader.optional(DER_TAG.boolean)).toBeNull();
    expect(reader.next()).toEqual({ tag: 4, contents: Uint8Array.of(0), encoded: bytes('040100') });
    expect(reader.peek()).toBeNull();
    expect(() => reader.end()).not.toThrow();
  });

  it.each([
    ['nothing', ''],
    ['a tag alone', '04'],
    ['an indefinite length', '0480'],
    ['a length of one byte that would fit the short form', '04817f'],
    ['a length of two bytes that would fit one', '048200ff'],
    ['a length of three bytes that would fit two', '0483000100'],
    ['a length of four bytes', '048400010000'],
    ['contents that are cut', '040200'],
    ['a length that is cut', '0482'],
    ['a tag of several bytes', '1f8101'],
  ])('refuses %s', (_, hex) => {
    expect(() => new DerReader(bytes(hex)).next()).toThrow(RangeError);
  });

  it('refuses another tag, and bytes after the end', () => {
    expect(() => new DerReader(bytes('040100')).read(DER_TAG.integer)).toThrow(RangeError);
    const reader = new DerReader(bytes('04010000'));
    reader.next();
    expect(() => reader.end()).toThrow(RangeError);
  });

  it('tells the tag of an optional element without taking it, and null at the end', () => {
    const reader = new DerReader(Uint8Array.of(DER_TAG.integer, 1, 7));
    expect(reader.peek()).toBe(DER_TAG.integer);
    expect(reader.peek()).toBe(DER_TAG.integer);
    expect(reader.read(DER_TAG.integer)).toEqual(Uint8Array.of(7));
    expect(reader.peek()).toBeNull();
    expect(() => reader.end()).not.toThrow();
  });
});

describe('unsignedInteger', () => {
  it('takes the sign byte away, and leaves zero', () => {
    expect(unsignedInteger(bytes('0080'))).toEqual(bytes('80'));
    expect(unsignedInteger(bytes('7f'))).toEqual(bytes('7f'));
    expect(unsignedInteger(bytes('00'))).toEqual(bytes('00'));
  });

  it.each(['', '80', '007f', '0000'])('refuses %j', (hex) => {
    expect(() => unsignedInteger(bytes(hex))).toThrow(RangeError);
  });
});
