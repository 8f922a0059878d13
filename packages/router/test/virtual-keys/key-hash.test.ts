import { createHash, createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deriveKey } from '../../src/storage/storage-key.ts';
import { KeyHash } from '../../src/virtual-keys/key-hash.ts';
import { hintOf, newKey } from '../../src/virtual-keys/new-key.ts';
import { STORAGE_KEY } from '../storage/folder.ts';

describe('the hash of a virtual key', () => {
  const keyHash = new KeyHash(STORAGE_KEY);

  // Made with Python's hmac and hashlib, the SHA-256 of the first with sha256sum.
  test.each([
    [
      'condt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=',
      '10f5b6ba0c61ed311c2494a8ad4882a377564e87734616b61570a9f51b06f26b',
    ],
    ['sotto_configured', 'c65b4f9e98346308a7838087cf76c9dbe6d5f94e1a2358bc14e174cd59525c58'],
    ['schön🔑', 'bb1f247eea01fe897359f5bd9b9909e13ce557c004d11b84a7c013abb7efe2a4'],
  ])('of %s is HMAC-SHA-256 over its SHA-256', (key, expected) => {
    expect(keyHash.ofKey(key)).toBe(expected);
  });

  test('is the same for a key that is known by its SHA-256', () => {
    const digest = '89a98e15a55f074565c9a94ac02c0a0ef5a4f24cbb95e4ee3a9da3f4bff98e15';
    const expected = keyHash.ofKey('condt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=');
    expect(keyHash.ofSha256(digest)).toBe(expected);
    expect(keyHash.ofSha256(digest.toUpperCase())).toBe(expected);
  });

  test.each(['', 'abc', 'g'.repeat(64), 'a'.repeat(63), 'a'.repeat(65)])('is not made of the digest %j', (digest) => {
    keyHash.ofKey('sotto_of-somebody-else');
    expect(() => keyHash.ofSha256(digest)).toThrowError(expect.objectContaining({ code: 'invalid_request' }));
  });

  test('agrees with the platform’s HMAC, whatever came before', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.array(fc.string({ unit: 'grapheme' })),
        (secret, keys) => {
          const mine = new KeyHash(secret);
          const derived = deriveKey(secret, 'sotto/virtual-keys/v1');
          for (const key of keys) {
            const digest = createHash('sha256').update(key).digest();
            expect(mine.ofKey(key)).toBe(createHmac('sha256', derived).update(digest).digest('hex'));
          }
        },
      ),
    );
  });
});

describe('what is shown of a key', () => {
  test.each([
    ['sotto_abcdefghijklmnopqrstuvwxyz0123456789', 'sotto_abcd'],
    ['condt_a+b/cdefghijklmnopqrstuvwxyz012345', 'condt_a+b/'],
    ['withoutanyprefixatallbutlongenoughtohide', 'with'],
    ['enclv_short', ''],
    ['notAsystemsPrefix_abcdefghijklmnopqrstuvwxyz', 'notA'],
  ])('%s: %j', (key, hint) => {
    expect(hintOf(key, 'sotto_')).toBe(hint);
  });

  test('leaves 232 of its 256 bits hidden', () => {
    const key = newKey('sotto_');
    expect(key).toMatch(/^sotto_[A-Za-z0-9_-]{43}$/);
    expect(hintOf(key, 'sotto_')).toBe(key.slice(0, 10));
  });
});
