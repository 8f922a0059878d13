import { expect, test } from 'vitest';
import { CallsUnderWay } from '../../src/upstreams/calls-under-way.ts';
import type { GuardedCall } from '../../src/upstreams/guarded-call.ts';

/** Only its place is looked at. */
const callOf = (): GuardedCall => ({ slot: 0 }) as GuardedCall;

test('calls come and go in any order, and none is lost or left behind', () => {
  const calls = new CallsUnderWay();
  const [first, second, third, fourth] = [callOf(), callOf(), callOf(), callOf()];
  for (const call of [first, second, third]) calls.add(call);
  calls.delete(first);
  calls.add(fourth);
  expect(new Set(calls.list())).toEqual(new Set([second, third, fourth]));
  calls.delete(third);
  calls.delete(fourth);
  expect(calls.list()).toEqual([second]);
  calls.delete(second);
  expect(calls.size).toBe(0);
});
