import { expect, test } from 'vitest';
import { RestartPace } from '../../src/workers/restart-pace.ts';

const YOUNG = 100;
const OLD = 60_000;

test('a worker that has lived is replaced soon', () => {
  const pace = new RestartPace();
  for (let death = 0; death < 10; death++)
    expect(pace.died(OLD)).toEqual({ delayMs: 250, youngDeaths: 0, isLoop: false });
});

test('workers that die as soon as they start are replaced ever later, half a minute at most', () => {
  const pace = new RestartPace();
  const delays = Array.from({ length: 10 }, () => pace.died(YOUNG).delayMs);
  expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

test('the fifth young death in a row is told, once', () => {
  const pace = new RestartPace();
  const told = Array.from({ length: 8 }, () => pace.died(YOUNG)).filter(({ isLoop }) => isLoop);
  expect(told).toEqual([{ delayMs: 4_000, youngDeaths: 5, isLoop: true }]);
});

test('one that lives ends the row', () => {
  const pace = new RestartPace();
  for (let death = 0; death < 4; death++) pace.died(YOUNG);
  pace.died(OLD);
  expect(pace.died(YOUNG)).toEqual({ delayMs: 250, youngDeaths: 1, isLoop: false });
});
