import { encodeHex } from '@sotto/protocol';
import { describe, expect, it } from 'vitest';
import { decodeHex } from '../../src/hex.ts';
import { type CborValue, readCbor } from '../../src/nitro/cbor-reader.ts';
import { writeCbor } from '../../src/nitro/cbor-writer.ts';

const read = (hex: string) => readCbor(decodeHex(hex) ?? new Uint8Array());

describe('readCbor', () => {
  // RFC 8949, appendix A
  it.each<[string, CborValue]>([
    ['00', 0],
    ['17', 23],
    ['1818', 24],
    ['1903e8', 1_000],
    ['1a000f4240', 1_000_000],
    ['1b000000e8d4a51000', 1_000_000_000_000],
    ['20', -1],
    ['3863', -100],
    ['f6', null],
    ['40', new Uint8Array()],
    ['4401020304', Uint8Array.of(1, 2, 3, 4)],
    ['6449455446', 'IETF'],
    ['62c3bc', '\u00fc'],
    ['80', []],
    ['8301820203820405', [1, [2, 3], [4, 5]]],
    ['a0', new Map()],
    [
      'a201020304',
      new Map([
        [1, 2],
        [3, 4],
      ]),
    ],
    [
      'a26161016162820203',
      new Map<string, CborValue>([
        ['a', 1],
        ['b', [2, 3]],
      ]),
    ],
  ])('reads %s of the RFC as it should be', (hex, value) => {
    expect(read(hex)).toEqual(value);
    expect(encodeHex(writeCbor(value))).toBe(hex);
  });

  it('reads a map of indefinite length, as the security module writes it', () => {
    expect(read('bf6161016162820203ff')).toEqual(
      new Map<string, CborValue>([
        ['a', 1],
        ['b', [2, 3]],
      ]),
    );
  });

  it.each([
    ['nothing', ''],
    ['a tag', 'c11a514b67b0'],
    ['a float', 'fb3ff199999999999a'],
    ['a boolean', 'f5'],
    ['undefined', 'f7'],
    ['a byte string of indefinite length', '5f42010243030405ff'],
    ['text of indefinite length', '7f657374726561646d696e67ff'],
    ['a list of indefinite length', '9f01ff'],
    ['a lone break', 'ff'],
    ['a map that never ends', 'bf616101'],
    ['a map with half a pair', 'bf6161ff'],
    ['a number that is not minimal', '1817'],
    ['a length that is not minimal', '580101'],
    ['two bytes that would fit one', '190017'],
    ['four bytes that would fit two', '1a0000ffff'],
    ['eight bytes that would fit four', '1b00000000ffffffff'],
    ['a number above 2^53', '1bffffffffffffffff'],
    ['a huge byte string', '5b7fffffffffffffff'],
    ['a huge list', '9a7fffffff'],
    ['a huge map', 'ba7fffffff'],
    ['a list of 257', '990101'],
    ['a key twice', 'a201020103'],
    ['a key that is a list', 'a18001'],
    ['text that is not UTF-8', '61ff'],
    ['bytes after its end', '0000'],
    ['a reserved length', '1c'],
    ['six levels', '818181818100'],
    ['ten thousand levels', '81'.repeat(10_000)],
  ])('refuses %s', (_, hex) => {
    expect(() => read(hex)).toThrow(RangeError);
  });

  it('refuses an item that is cut anywhere', () => {
    const whole = writeCbor(
      new Map<string, CborValue>([
        ['a', [1, 'text', new Uint8Array(30)]],
        ['b', null],
      ]),
    );
    for (let end = 0; end < whole.length; end++) expect(() => readCbor(whole.subarray(0, end))).toThrow(RangeError);
  });
});
