import type { Activity, Percentiles, UpstreamActivity } from './activity.ts';

/** Colours of a terminal, or none. */
export interface Paint {
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly faint: (text: string) => string;
}

/** ECMA-48 §8.3.117, SGR: green, red, faint. */
export const COLOURS: Paint = {
  good: (text) => `\u001b[32m${text}\u001b[0m`,
  bad: (text) => `\u001b[31m${text}\u001b[0m`,
  faint: (text) => `\u001b[2m${text}\u001b[0m`,
};
export const NO_COLOURS: Paint = { good: (text) => text, bad: (text) => text, faint: (text) => text };

/** Draws what a router is doing, a line of text each. */
export function drawActivity(router: string, activity: Activity, paint: Paint): readonly string[] {
  const { workers, underWay, limit, errorShare } = activity;
  const share = errorShare === null ? '–' : `${(errorShare * 100).toFixed(1)} %`;
  return [
    `${router}  up ${duration(activity.uptimeSeconds)}  ${workers === 1 ? '1 process' : `${workers} workers`}`,
    '',
    line('requests', `${rate(activity.requestsPerSecond)}/s   ${underWay} of ${limit} under way`),
    line('tokens', `${rate(activity.completionTokensPerSecond)}/s out   ${rate(activity.promptTokensPerSecond)}/s in`),
    line('failed', errorShare !== null && errorShare > 0 ? paint.bad(share) : share),
    line('latency', times(activity.latencyMs)),
    line('first token', times(activity.firstTokenMs)),
    line('doors', list(activity.byDoor, paint)),
    line('tiers', list(activity.byTier, paint)),
    line('refused', list(activity.byCode, paint)),
    '',
    paint.faint(row(['model server', 'tier', 'class', 'state', 'busy', 'waits', 'ok/s', 'bad/s'])),
    ...activity.upstreams.map((upstream) => drawUpstream(upstream, paint)),
  ];
}

function drawUpstream(upstream: UpstreamActivity, paint: Paint): string {
  const { name, tier, healthy, breaker, underWay, waiting, servedPerSecond, failedPerSecond } = upstream;
  const isWell = healthy && breaker === 'closed';
  const state = isWell ? 'up' : healthy ? `breaker ${breaker}` : 'down';
  const cells = [name, tier, upstream.class, state, `${underWay}`, `${waiting}`, rate(servedPerSecond)];
  const text = row([...cells, rate(failedPerSecond)]);
  return isWell ? text : paint.bad(text);
}

const WIDTHS = [20, 9, 10, 18, 6, 6, 8, 8];

function row(cells: readonly string[]): string {
  return cells.map((cell, index) => fit(cell, WIDTHS[index] ?? 8)).join(' ');
}

function fit(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width);
}

function line(name: string, value: string): string {
  return `${name.padEnd(12)} ${value}`;
}

function list(counts: Readonly<Record<string, number>>, paint: Paint): string {
  const sorted = Object.entries(counts).sort(([, a], [, b]) => b - a);
  return sorted.length === 0 ? paint.faint('–') : sorted.map(([name, count]) => `${name} ${count}`).join('   ');
}

function times({ p50, p99 }: Percentiles): string {
  return `p50 ${milliseconds(p50)}   p99 ${milliseconds(p99)}`;
}

function milliseconds(value: number | null): string {
  if (value === null) return '–';
  return value < 1_000 ? `${value.toPrecision(2)} ms` : `${(value / 1_000).toFixed(1)} s`;
}

function rate(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days`;
}
