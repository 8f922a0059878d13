import { beforeEach, expect, test } from 'vitest';
import { WaitingLine } from '../../src/upstreams/waiting-line.ts';
import { ManualClock } from './manual-clock.ts';

let clock: ManualClock;
let late: string[];
let line: WaitingLine<string>;
beforeEach(() => {
  clock = new ManualClock();
  late = [];
  line = new WaitingLine({ max: 3, deadlineMs: 100 }, (waiter) => late.push(waiter), clock);
});

test('those who wait move up in the order they came', () => {
  for (const name of ['a', 'b', 'c']) line.join(name);
  line.leave('b');
  expect([line.next(), line.next(), line.next()]).toEqual(['a', 'c', undefined]);
});

test('a full line takes nobody, until somebody has left', () => {
  expect(['a', 'b', 'c', 'd'].map((name) => line.join(name))).toEqual([true, true, true, false]);
  line.leave('a');
  expect(line.join('e')).toBe(true);
  expect(line.length).toBe(3);
});

test('each waits its own time and no longer', () => {
  line.join('a');
  clock.advance(60);
  line.join('b');
  clock.advance(39);
  expect(late).toEqual([]);
  clock.advance(1);
  expect(late).toEqual(['a']);
  clock.advance(59);
  expect(late).toEqual(['a']);
  clock.advance(1);
  expect(late).toEqual(['a', 'b']);
  expect(line.length).toBe(0);
});

test('one that comes after the first has left waits its whole time', () => {
  line.join('a');
  clock.advance(50);
  line.join('b');
  line.leave('a');
  clock.advance(99);
  expect(late).toEqual([]);
  clock.advance(1);
  expect(late).toEqual(['b']);
});

test('an empty line keeps no alarm', () => {
  line.join('a');
  line.join('b');
  expect(clock.pending).toBe(1);
  line.next();
  line.leave('b');
  expect(clock.pending).toBe(0);
  line.join('c');
  clock.advance(100);
  expect(clock.pending).toBe(0);
});

test('one may join again from its own deadline', () => {
  const again = new WaitingLine<string>({ max: 1, deadlineMs: 10 }, (waiter) => again.join(waiter), clock);
  again.join('a');
  clock.advance(35);
  expect(again.length).toBe(1);
  expect(clock.pending).toBe(1);
});
