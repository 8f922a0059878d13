import { encodeHex, encodeUtf8 } from '@sotto/protocol';
import { describe, expect, it } from 'vitest';
import { decodeBase64Url, encodeBase64Url } from '../src/base64url.ts';
import { computeReportData } from '../src/binding.ts';
import { decodeHex } from '../src/hex.ts';
import { codeOf } from './expect-failure.ts';

const CLAIMS = encodeUtf8('{"v":1,"kid":"k1"}');

describe('computeReportData', () => {
  it('gives the published vector of a static report', async () => {
    expect(encodeHex(await computeReportData(CLAIMS))).toBe(
      '83c516202943022fdd29e88e2315346526e7efdcd2b306120374de3666f2486cdd3490fec6d68cbfe0b7433fe31abfa4c4af1300e2c6f82c47eb971f55bb144e',
    );
  });

  it('gives the published vector of an answered challenge', async () => {
    expect(encodeHex(await computeReportData(CLAIMS, new Uint8Array(32).fill(0xab)))).toBe(
      'd492fc182021ccac30ff57040c6a42fb4aa63c5cd6357b589f00a563e196b64cd68d55de218de3b4318ced1b5910375a2def99ee4c9a3c5b884dfb760198b391',
    );
  });

  it.each([0, 31, 33])('refuses a nonce of %i bytes', async (length) => {
    const outcome = await codeOf(computeReportData(CLAIMS, new Uint8Array(length)));
    expect(outcome).toBe('ConfigurationError invalid_option');
  });
});

describe('base64url', () => {
  // RFC 4648 §10, without its padding
  it.each([
    ['', ''],
    ['f', 'Zg'],
    ['fo', 'Zm8'],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg'],
    ['fooba', 'Zm9vYmE'],
  ])('writes and reads %j as the RFC does', (text, encoded) => {
    expect(encodeBase64Url(encodeUtf8(text))).toBe(encoded);
    expect(decodeBase64Url(encoded)).toEqual(encodeUtf8(text));
  });

  it('uses the alphabet for URLs', () => {
    expect(encodeBase64Url(Uint8Array.of(0xfb, 0xff))).toBe('-_8');
  });

  it.each(['Zg==', 'Zg=', 'Z', 'Zm9v ', 'Zm\n9v', '+_8', '-/8', 'Zh', 'Zm9'])('refuses %j', (text) => {
    expect(decodeBase64Url(text)).toBeNull();
  });
});

describe('decodeHex', () => {
  it('reads lower case only, and whole bytes only', () => {
    expect(decodeHex('00ff')).toEqual(Uint8Array.of(0, 255));
    for (const text of ['0', 'FF', '0x', 'zz', ' 00']) expect(decodeHex(text)).toBeNull();
  });
});
