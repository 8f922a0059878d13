import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeRequest, encodeRequest } from '../../src/bhttp/index.ts';
import { paddedLength, paddingFor } from '../../src/ohttp/index.ts';

test.each([
  [0, 256],
  [256, 256],
  [257, 512],
  [513, 1_024],
  [4_096, 4_096],
  [4_097, 4_608],
  [4_608, 4_608],
  [4_609, 5_120],
  [8_191, 8_192],
  [8_193, 9_216],
  [1_000_000, 1_048_576 - 65_536 + 65_536],
])('%i bytes are padded to %i', (length, padded) => {
  expect(paddedLength(length)).toBe(padded);
});

test('above 4 KiB padding adds at most an eighth, keeps the order, and is stable', () => {
  fc.assert(
    fc.property(fc.integer({ min: 4_097, max: 2 ** 40 }), (length) => {
      const padded = paddedLength(length);
      expect(padded).toBeGreaterThanOrEqual(length);
      expect(padded - length).toBeLessThanOrEqual(length / 8);
      expect(paddedLength(padded)).toBe(padded);
    }),
  );
});

test('a padded request has the length of its class and decodes to the same', () => {
  const request = {
    method: 'GET',
    scheme: 'https',
    authority: '',
    path: '/',
    headers: [],
    content: new Uint8Array(300),
    trailers: [],
  };
  const padded = encodeRequest(request, { paddingBytes: paddingFor(encodeRequest(request).length) });
  expect(padded).toHaveLength(512);
  expect(decodeRequest(padded)).toEqual(request);
});
