import { describe, expect, test } from 'vitest';
import { LabelledCounter } from '../../src/metrics/labelled-counter.ts';
import { LabelledHistogram } from '../../src/metrics/labelled-histogram.ts';
import { expositionText, joinSnapshots } from '../../src/metrics/metric-snapshot.ts';
import { samples } from './samples.ts';

function histogram(): LabelledHistogram {
  return new LabelledHistogram({ name: 'test_seconds', help: 'Seconds', labelNames: ['door'], bounds: [0.005, 0.1] });
}

describe('a histogram', () => {
  test('counts each value once, and in every bucket it fits in', async () => {
    const seconds = histogram();
    for (const value of [0.001, 0.005, 0.006, 400]) seconds.observe(['clear'], value);
    seconds.observe(['ohttp'], 0.05, 3);
    const told = samples(await expositionText([[seconds.snapshot()]]));
    const bucket = (door: string, le: string): number | undefined =>
      told.get(`test_seconds_bucket{le="${le}",door="${door}"}`);
    expect([bucket('clear', '0.005'), bucket('clear', '0.1'), bucket('clear', '+Inf')]).toEqual([2, 3, 4]);
    expect([bucket('ohttp', '0.005'), bucket('ohttp', '0.1'), bucket('ohttp', '+Inf')]).toEqual([0, 3, 3]);
    expect(told.get('test_seconds_count{door="clear"}')).toBe(4);
    expect(told.get('test_seconds_sum{door="clear"}')).toBeCloseTo(400.012);
    expect(told.get('test_seconds_sum{door="ohttp"}')).toBeCloseTo(0.15);
  });
});

describe('the metrics of several processes', () => {
  test('are added up, series by series', async () => {
    const [here, there] = [histogram(), histogram()];
    here.observe(['clear'], 0.05);
    there.observe(['clear'], 0.05);
    there.observe(['ohttp'], 1);
    const [one, two] = [
      new LabelledCounter('test_total', 'All', ['a']),
      new LabelledCounter('test_total', 'All', ['a']),
    ];
    one.add(['x'], 2);
    two.add(['x']);
    two.add(['y']);
    const joined = await joinSnapshots([
      [here.snapshot(), one.snapshot()],
      [there.snapshot(), two.snapshot()],
    ]);
    const told = samples(await expositionText([joined]));
    expect(told.get('test_seconds_bucket{le="0.1",door="clear"}')).toBe(2);
    expect(told.get('test_seconds_count{door="ohttp"}')).toBe(1);
    expect([told.get('test_total{a="x"}'), told.get('test_total{a="y"}')]).toEqual([3, 1]);
  });

  test('are the least, the greatest or the first where a sum would say nothing', async () => {
    const gauge = (aggregator: 'min' | 'max' | 'first', value: number) =>
      ({ name: `test_${aggregator}`, help: 'x', type: 'gauge', aggregator, values: [{ labels: {}, value }] }) as const;
    const kinds = ['min', 'max', 'first'] as const;
    const joined = await joinSnapshots([kinds.map((kind) => gauge(kind, 2)), kinds.map((kind) => gauge(kind, 7))]);
    expect(joined.map(({ values }) => values[0]?.value)).toEqual([2, 7, 2]);
  });
});
