import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteQueue } from '../src/byte-queue.ts';
import { concatBytes } from '../src/bytes.ts';
import { decodeVarint, encodedVarintLength, encodeVarint, varintLength, writeVarint } from '../src/varint.ts';
import { bytes, hex } from './hex.ts';

test('gives out what was pushed, in order, whatever the sizes pushed and taken', () => {
  const segment = fc.uint8Array({ maxLength: 700 });
  const step = fc.tuple(segment, fc.boolean(), fc.integer({ min: 1, max: 900 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const queue = new ByteQueue();
      const taken: Uint8Array[] = [];
      for (const [pushed, some, size] of steps) {
        queue.push(pushed);
        taken.push(some ? queue.takeSome(size) : queue.take(Math.min(size, queue.length)));
      }
      taken.push(queue.take(queue.length));
      expect(concatBytes(...taken)).toEqual(concatBytes(...steps.map(([pushed]) => pushed)));
      expect(queue.length).toBe(0);
    }),
  );
});

test('what has been given out does not change when more comes', () => {
  const queue = new ByteQueue();
  queue.push(Uint8Array.of(1, 2, 3));
  const taken = queue.take(2);
  for (let index = 0; index < 5_000; index++) queue.push(Uint8Array.of(9));
  expect(Array.from(taken)).toEqual([1, 2]);
  expect(queue.length).toBe(5_001);
});

test('a large segment is given out as a view, not a copy', () => {
  const queue = new ByteQueue();
  const segment = new Uint8Array(1_000);
  queue.push(segment);
  expect(queue.take(600).buffer).toBe(segment.buffer);
});

test('does not give out more than there is', () => {
  const queue = new ByteQueue();
  queue.push(Uint8Array.of(1));
  expect(() => queue.take(2)).toThrow(RangeError);
  expect(queue.takeSome(5)).toHaveLength(1);
  expect(queue.takeSome(5)).toHaveLength(0);
  expect(queue.peek()).toBeNull();
});

describe('variable-length integers', () => {
  // RFC 9000 §A.1
  test.each([
    ['c2197c5eff14e88c', Number(151_288_809_941_952_652n)],
    ['9d7f3e7d', 494_878_333],
    ['7bbd', 15_293],
    ['25', 37],
    ['4025', 37],
  ])("%s is RFC 9000's %d", (encoded, value) => {
    const queue = new ByteQueue();
    for (const byte of bytes(encoded)) {
      expect(queue.takeVarint()).toBeNull();
      queue.push(Uint8Array.of(byte));
    }
    expect(queue.takeVarint()).toBe(value);
  });

  test('are written in their shortest form and read back', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const encoded = encodeVarint(value);
        expect(encoded).toHaveLength(encodedVarintLength(value));
        expect(varintLength(encoded[0] ?? 0)).toBe(encoded.length);
        expect(decodeVarint(encoded)).toBe(value);
      }),
    );
    expect(hex(encodeVarint(15_293))).toBe('7bbd');
  });

  test.each([-1, 1.5, 2 ** 53, Number.NaN])('%d is not written', (value) => {
    expect(() => writeVarint(new Uint8Array(8), 0, value)).toThrow(RangeError);
  });
});
