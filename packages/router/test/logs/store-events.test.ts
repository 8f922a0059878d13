import { expect, test } from 'vitest';
import { logStore } from '../../src/logs/store-events.ts';

test('a database is told to be away once, whatever is wrong with it, and back when nothing is', () => {
  const told: unknown[] = [];
  const learn = logStore({ event: (...event) => told.push(event) });
  learn('writes', null);
  learn('writes', 'the disk is full');
  learn('life', 'no answer');
  learn('writes', 'the disk is full');
  learn('life', null);
  expect(told).toEqual([['warn', 'store_away', { fault: 'the disk is full' }]]);
  learn('writes', null);
  learn('life', null);
  expect(told.slice(1)).toEqual([['info', 'store_back', {}]]);
});
