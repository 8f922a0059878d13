import { describe, expect, test } from 'vitest';
import { joinSnapshots, type MetricSnapshot } from '../../src/metrics/metric-snapshot.ts';
import { CrewMetrics } from '../../src/workers/crew-metrics.ts';

function counted(served: number, underWay: number): readonly MetricSnapshot[] {
  const of = (name: string, type: 'counter' | 'gauge', value: number): MetricSnapshot => ({
    name,
    help: 'x',
    type,
    aggregator: 'sum',
    values: [{ labels: {}, value }],
  });
  return [of('served_total', 'counter', served), of('under_way', 'gauge', underWay)];
}

async function totals(processes: readonly (readonly MetricSnapshot[])[]): Promise<Record<string, number | undefined>> {
  const joined = await joinSnapshots(processes);
  return Object.fromEntries(joined.map(({ name, values }) => [name, values[0]?.value]));
}

describe('the metrics of a crew', () => {
  test('are those of all workers, each asked anew', async () => {
    const asked: number[] = [];
    const crew = new CrewMetrics((worker, call) => {
      asked.push(worker);
      crew.told(worker, call, counted(10 * worker, worker));
    });
    for (const worker of [1, 2, 3]) crew.joined(worker);
    const others = await crew.gather(1, counted(10, 1));
    expect(asked).toEqual([2, 3]);
    expect(await totals([counted(10, 1), ...others])).toEqual({
      served_total: 60,
      under_way: 6,
      sotto_workers: 3,
      sotto_worker_restarts_total: 0,
    });
  });

  test('keep what a worker counted that has died, and forget what it had under way', async () => {
    const crew = new CrewMetrics((worker, call) => crew.told(worker, call, counted(5, 2)));
    for (const worker of [1, 2]) crew.joined(worker);
    await crew.gather(1, counted(1, 0));
    crew.left(2);
    crew.joined(3);
    const others = await crew.gather(1, counted(1, 0));
    expect(await totals([counted(1, 0), ...others])).toEqual({
      served_total: 11,
      under_way: 2,
      sotto_workers: 2,
      sotto_worker_restarts_total: 1,
    });
  });

  test('do not wait for a worker that dies while it is asked, and take a busy one by its last word', async () => {
    const crew = new CrewMetrics((worker) => {
      if (worker === 2) queueMicrotask(() => crew.left(2));
    });
    for (const worker of [1, 2]) crew.joined(worker);
    expect(await totals(await crew.gather(1, counted(1, 0)))).toMatchObject({ sotto_workers: 1 });

    const silent = new CrewMetrics(() => {});
    for (const worker of [1, 2]) silent.joined(worker);
    await silent.gather(2, counted(7, 0));
    expect(await totals(await silent.gather(1, counted(1, 0)))).toMatchObject({ served_total: 7 });
  });
});
