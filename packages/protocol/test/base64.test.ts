import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CRYPTO_PROVIDERS } from './crypto-providers.ts';

// RFC 4648 §10
const RFC_VECTORS = [
  ['', ''],
  ['f', 'Zg=='],
  ['fo', 'Zm8='],
  ['foo', 'Zm9v'],
  ['foob', 'Zm9vYg=='],
  ['fooba', 'Zm9vYmE='],
  ['foobar', 'Zm9vYmFy'],
] as const;

const NOT_BASE64 = [
  ['white space inside', 'Zm9v YmFy'],
  ['a newline at the end', 'Zm9v\n'],
  ['missing padding', 'Zg'],
  ['half the padding', 'Zg='],
  ['too much padding', 'Zm9v===='],
  ['padding in front', '=Zm9v'],
  ['padding in the middle', 'Zg==Zg=='],
  ['bits that encode nothing', 'Zh=='],
  ['bits that encode nothing, in two bytes', 'Zm9='],
  ['the alphabet of URLs', '-_-_'],
  ['a character of no alphabet', 'Zm9*'],
  ['a character beyond Latin-1', 'Zm9\u2603'],
  ['a NUL', 'Zm9v\0'],
  ['a single character', 'Z'],
] as const;

describe.each(CRYPTO_PROVIDERS)('base64 of %s', (_name, provider) => {
  test.each(RFC_VECTORS)('writes and reads %j as %j', (text, encoded) => {
    const bytes = new TextEncoder().encode(text);
    expect(provider.encodeBase64(bytes)).toBe(encoded);
    expect(provider.decodeBase64(encoded)).toEqual(expect.objectContaining({ length: bytes.length }));
    expect(new TextDecoder().decode(provider.decodeBase64(encoded) ?? undefined)).toBe(text);
  });

  test.each(NOT_BASE64)('refuses %s', (_what, text) => {
    expect(provider.decodeBase64(text)).toBeNull();
  });

  test('reads only what it would have written', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.base64String(), fc.string({ unit: 'binary' })), (text) => {
        const decoded = provider.decodeBase64(text);
        return decoded === null || provider.encodeBase64(decoded) === text;
      }),
    );
  });
});

test('the providers write the same base64, also where it is long', () => {
  const [[, web], [, node]] = CRYPTO_PROVIDERS;
  for (const length of [0, 1, 8_191, 8_192, 8_193, 100_001]) {
    const bytes = node.randomBytes(length);
    const text = node.encodeBase64(bytes);
    expect(web.encodeBase64(bytes)).toBe(text);
    expect(Buffer.from(web.decodeBase64(text) ?? []).equals(bytes)).toBe(true);
  }
});
