import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { promtool, testWithPromtool } from '../packages/router/test/metrics/promtool.ts';
import { type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type RunningRouter, startConfigured } from './sotto.ts';

const deploy = fileURLToPath(new URL('../deploy', import.meta.url));
const DASHBOARD = join(deploy, 'grafana/sotto-dashboard.json');
const PROMETHEUS = join(deploy, 'prometheus/prometheus.yml');
const ALERTS = join(deploy, 'prometheus/alerts.yml');
/** There where what they tell of is configured; other tests read them. */
const CONDITIONAL = ['sotto_redis_up', 'sotto_evidence_expiry_timestamp_seconds', 'sotto_trace_spans_total'];

interface Panel {
  readonly title: string;
  readonly targets: readonly { readonly expr: string }[];
}

const folder = scratchFolder();
let upstream: StandInUpstream;
let router: RunningRouter;

beforeAll(async () => {
  upstream = await startStandIn(['m']);
  const config = {
    listen: '127.0.0.1:0',
    protocols: ['clear'],
    auth: 'open',
    upstreams: [{ name: 'model', baseUrl: upstream.baseUrl, models: ['m'] }],
  };
  router = await startConfigured(join(folder, 'dashboard.json'), config, { args: ['--workers', '2'] });
});
afterAll(async () => {
  await router.stop();
  await upstream.close();
});

function panels(): readonly Panel[] {
  return (JSON.parse(readFileSync(DASHBOARD, 'utf8')) as { panels: readonly Panel[] }).panels;
}

/** Names of metrics in an expression, without what a histogram adds to its own. */
function metricsIn(text: string): readonly string[] {
  const names = [...text.matchAll(/\b(?:sotto|process|nodejs)_[a-z0-9_]+/g)].map(([name]) => name);
  return names.map((name) => name.replace(/_bucket$/, ''));
}

async function told(): Promise<ReadonlySet<string>> {
  const text = await (await fetch(`${router.url}/metrics`)).text();
  return new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name));
}

describe('every metric', () => {
  test('in the dashboard and in the alerts is one that a router tells', async () => {
    const known = await told();
    const named = [
      ...panels().flatMap(({ targets }) => targets.flatMap(({ expr }) => metricsIn(expr))),
      ...metricsIn(readFileSync(ALERTS, 'utf8')),
    ];
    expect(named.length).toBeGreaterThan(30);
    expect(named.filter((name) => !known.has(name) && !CONDITIONAL.includes(name))).toEqual([]);
  });

  test('of the router itself is in the documentation', async () => {
    const page = readFileSync(join(deploy, '../docs/observability.md'), 'utf8');
    const own = [...(await told())].filter((name) => name.startsWith('sotto_'));
    expect(own.length).toBeGreaterThan(15);
    expect([...own, ...CONDITIONAL].filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});

testWithPromtool('Prometheus takes its configuration, the alerts and every expression of the dashboard', () => {
  expect(promtool(['check', 'config', '--lint=all', '--lint-fatal', PROMETHEUS])).toBe('');
  expect(promtool(['check', 'rules', '--lint=all', '--lint-fatal', ALERTS])).toBe('');
  const expressions = panels().flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, expr })));
  const rules = expressions.map(({ expr }, index) => ({
    record: `panel:${index}`,
    expr: expr.replaceAll('$__rate_interval', '1m').replaceAll('$__range', '1h').replaceAll('$instance', '.*'),
  }));
  const file = join(folder, 'dashboard-rules.json');
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
  expect(promtool(['check', 'rules', file])).toBe('');
});
