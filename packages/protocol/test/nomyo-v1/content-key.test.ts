import { describe, expect, test } from 'vitest';
import { encodeHex } from '../../src/bytes.ts';
import { nodeCrypto } from '../../src/node/node-crypto.ts';
import { unwrapContentKey } from '../../src/nomyo-v1/content-key.ts';

const unwrapper = (decrypt: () => Promise<Uint8Array>) => ({ modulusBytes: 256, decrypt });
const WRAPPED = new Uint8Array(256);

describe('a content key', () => {
  test('is what was wrapped, where that has 32 bytes', async () => {
    const key = new Uint8Array(32).fill(5);
    expect(
      await unwrapContentKey(
        nodeCrypto,
        unwrapper(() => Promise.resolve(key)),
        WRAPPED,
      ),
    ).toBe(key);
  });

  test('is a random one where OAEP fails: nothing but a failed tag is left to see', async () => {
    const failing = unwrapper(() => Promise.reject(new Error('oaep decoding error')));
    const [first, second] = [
      await unwrapContentKey(nodeCrypto, failing, WRAPPED),
      await unwrapContentKey(nodeCrypto, failing, WRAPPED),
    ];
    expect(first).toHaveLength(32);
    expect(encodeHex(first)).not.toBe(encodeHex(second));
  });

  test.each([0, 16, 31, 33, 190])(
    'is a random one where %i bytes were wrapped, and those are zeroed',
    async (length) => {
      const wrong = new Uint8Array(length).fill(5);
      const key = await unwrapContentKey(
        nodeCrypto,
        unwrapper(() => Promise.resolve(wrong)),
        WRAPPED,
      );
      expect(key).toHaveLength(32);
      expect(key.every((byte) => byte === 5)).toBe(false);
      expect(wrong.every((byte) => byte === 0)).toBe(true);
    },
  );
});
