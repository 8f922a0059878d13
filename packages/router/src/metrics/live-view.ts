import type { UpstreamState } from '../upstreams/upstream-state.ts';
import { joinSnapshots, type MetricSnapshot } from './metric-snapshot.ts';

/** A histogram of seconds since the start. */
export interface LiveHistogram {
  /** Upper bounds, ascending. */
  readonly boundsSeconds: number[];
  /** One for each bound, and one for what is greater. */
  readonly counts: number[];
}

/** What a model server's workers make of it together. */
export type LiveUpstream = Pick<
  UpstreamState,
  'name' | 'tier' | 'class' | 'healthy' | 'breaker' | 'underWay' | 'waiting' | 'served' | 'failed'
>;

/** Counts since the start, of all processes: whoever asks twice sees what happened in between. */
export interface LiveView {
  readonly object: 'live';
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly startedAtMs: number;
  readonly workers: number;
  readonly requests: {
    readonly underWay: number;
    readonly limit: number;
    /** Requests for models and chatbots, by what they were sealed under. */
    readonly byDoor: Record<string, number>;
    /** Of those, the ones that did not end well, by the error's code. */
    readonly byCode: Record<string, number>;
    /** Of those that a model server worked on, by tier. */
    readonly byTier: Record<string, number>;
    /** Answers with a 5xx, and streams that broke off. */
    readonly failed: number;
  };
  readonly tokens: { readonly prompt: number; readonly completion: number };
  readonly latency: LiveHistogram;
  readonly firstToken: LiveHistogram;
  readonly upstreams: readonly LiveUpstream[];
}

/** Routes that an API key opens; the others are looked at by machines. */
const WORK = /^(?:\/api)?\/v1\/(?!docs)/;
const BREAKERS = ['closed', 'half-open', 'open'] as const;

/** Makes the view of all processes' metrics. @param states what this process knows of the model servers */
export async function liveView(
  processes: readonly (readonly MetricSnapshot[])[],
  states: readonly UpstreamState[],
  atMs: number,
): Promise<LiveView> {
  const metrics = new Map((await joinSnapshots(processes)).map((metric) => [metric.name, metric]));
  const valuesOf = (name: string): MetricSnapshot['values'] => metrics.get(name)?.values ?? [];
  const total = (name: string, label?: string, is?: string): number =>
    sum(valuesOf(name).filter(({ labels }) => label === undefined || labels[label] === is));
  const work = valuesOf('sotto_requests_total').filter(({ labels }) => WORK.test(String(labels['route'])));
  const ofUpstream = (name: string, upstream: string): number => total(name, 'upstream', upstream);
  return {
    object: 'live',
    atMs,
    startedAtMs: Math.round(total('process_start_time_seconds') * 1_000),
    workers: metrics.has('sotto_workers') ? total('sotto_workers') : 1,
    requests: {
      underWay: total('sotto_requests_under_way'),
      limit: total('sotto_requests_under_way_limit'),
      byDoor: sumBy(work, 'door'),
      byCode: sumBy(
        work.filter(({ labels }) => labels['code'] !== ''),
        'code',
      ),
      byTier: sumBy(valuesOf('sotto_model_requests_total'), 'tier'),
      failed: sum(work.filter(hasFailed)),
    },
    tokens: {
      prompt: total('sotto_tokens_total', 'kind', 'prompt'),
      completion: total('sotto_tokens_total', 'kind', 'completion'),
    },
    latency: histogram(
      valuesOf('sotto_request_duration_seconds').filter(({ labels }) => WORK.test(String(labels['route']))),
    ),
    firstToken: histogram(valuesOf('sotto_time_to_first_token_seconds')),
    upstreams: states.map(({ name, tier, class: kind }) => ({
      name,
      tier,
      class: kind,
      healthy: ofUpstream('sotto_upstream_healthy', name) === 1,
      breaker: BREAKERS[ofUpstream('sotto_upstream_breaker', name)] ?? 'open',
      underWay: ofUpstream('sotto_upstream_under_way', name),
      waiting: ofUpstream('sotto_upstream_waiting', name),
      served: ofUpstream('sotto_upstream_served_total', name),
      failed: ofUpstream('sotto_upstream_failed_total', name),
    })),
  };
}

/** A stream that broke off has begun well; a caller who went away is nobody's failure. */
function hasFailed({ labels }: MetricSnapshot['values'][number]): boolean {
  const { status, code } = labels;
  if (Number(status) >= 500) return true;
  return status === '200' && code !== '' && code !== 'request_aborted';
}

function sum(values: MetricSnapshot['values']): number {
  return values.reduce((all, { value }) => all + value, 0);
}

function sumBy(values: MetricSnapshot['values'], label: string): Record<string, number> {
  const sums = new Map<string, number>();
  for (const { labels, value } of values) {
    const name = String(labels[label]);
    sums.set(name, (sums.get(name) ?? 0) + value);
  }
  return Object.fromEntries(sums);
}

/** Adds up the series of a histogram, whose buckets each hold those below them. */
function histogram(values: MetricSnapshot['values']): LiveHistogram {
  const buckets = values.filter(({ labels }) => labels['le'] !== undefined);
  const byBound = Object.entries(sumBy(buckets, 'le')).map(([le, count]) => ({
    bound: le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le),
    count,
  }));
  byBound.sort((a, b) => a.bound - b.bound);
  return {
    boundsSeconds: byBound.map(({ bound }) => bound).filter(Number.isFinite),
    counts: byBound.map(({ count }, index) => count - (byBound[index - 1]?.count ?? 0)),
  };
}
