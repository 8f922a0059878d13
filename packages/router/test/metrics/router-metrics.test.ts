import { describe, expect, test } from 'vitest';
import { expositionText } from '../../src/metrics/metric-snapshot.ts';
import { RouterMetrics } from '../../src/metrics/router-metrics.ts';
import { TokenTotals } from '../../src/metrics/token-totals.ts';

function metrics(): RouterMetrics {
  return new RouterMetrics({
    version: '1.2.3',
    upstreams: () => [],
    requestsUnderWay: () => 0,
    maxRequestsUnderWay: () => 10,
    tokens: new TokenTotals(),
  });
}

async function textOf(all: RouterMetrics): Promise<string> {
  return expositionText([await all.snapshots()]);
}

describe('the router’s metrics', () => {
  test('take up what other parts measure, each time as it is then', async () => {
    const all = metrics();
    const told = { up: 1, written: 2, by: { a: 3, b: 4 } as Record<string, number> };
    all.gauge('test_up', 'Whether it is', () => told.up);
    all.counter('test_written_total', 'Rows', () => told.written);
    all.gauge('test_by_name', 'By name', () => told.by, { label: 'name' });
    const before = await textOf(all);
    for (const line of ['test_up 1', 'test_written_total 2', 'test_by_name{name="a"} 3', 'test_by_name{name="b"} 4']) {
      expect(before).toContain(`\n${line}\n`);
    }
    expect(before).toContain('# TYPE test_written_total counter');
    told.up = 0;
    told.written = 5;
    told.by = { b: 6 };
    const after = await textOf(all);
    for (const line of ['test_up 0', 'test_written_total 5', 'test_by_name{name="b"} 6']) {
      expect(after).toContain(`\n${line}\n`);
    }
    expect(after).not.toContain('name="a"');
    all.close();
  });

  test('tell the version, and when the process began', async () => {
    const all = metrics();
    const text = await textOf(all);
    expect(text).toContain('sotto_build_info{version="1.2.3"} 1');
    expect(text).toMatch(/^process_start_time_seconds \d+/m);
    all.close();
  });

  test('refuse two metrics of one name', () => {
    const all = metrics();
    expect(() => all.gauge('sotto_requests_under_way', 'again', () => 0)).toThrow('already been registered');
    all.close();
  });
});
