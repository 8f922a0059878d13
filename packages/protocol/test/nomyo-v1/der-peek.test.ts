import { expect, test } from 'vitest';
import { DER_TAG, DerReader } from '../../src/nomyo-v1/der.ts';

test('tells the tag of an optional element without taking it, and null at the end', () => {
  const reader = new DerReader(Uint8Array.of(DER_TAG.integer, 1, 7));
  expect(reader.peek()).toBe(DER_TAG.integer);
  expect(reader.peek()).toBe(DER_TAG.integer);
  expect(reader.read(DER_TAG.integer)).toEqual(Uint8Array.of(7));
  expect(reader.peek()).toBeNull();
  expect(() => reader.end()).not.toThrow();
});
