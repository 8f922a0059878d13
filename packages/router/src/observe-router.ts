import type { RouterLog } from './logs/router-log.ts';
import { type LiveView, liveView } from './metrics/live-view.ts';
import type { MetricSnapshot } from './metrics/metric-snapshot.ts';
import { RouterMetrics } from './metrics/router-metrics.ts';
import type { TokenTotals } from './metrics/token-totals.ts';
import { type ObservedAnswer, observedAnswer } from './observed-answer.ts';
import type { Replicas } from './open-replicas.ts';
import type { RouterOptions } from './router.ts';
import type { OtlpTracing } from './tracing/otlp-tracing.ts';
import type { UpstreamState } from './upstreams/upstream-state.ts';
import { version } from './version.ts';

/** What is watched, and who is told. */
export interface ObservedRouter {
  readonly options: Pick<RouterOptions, 'log' | 'gatherMetrics'>;
  /** How the model servers of now fare. */
  readonly states: () => readonly UpstreamState[];
  readonly requestsUnderWay: () => number;
  readonly maxRequestsUnderWay: () => number;
  readonly tokens: TokenTotals;
  readonly replicas: Pick<Replicas, 'isUp' | 'onChange'> | null;
  /** When the published evidence ends; null where there is none. Null itself: the router publishes none. */
  readonly evidenceUntilMs: (() => number | null) | null;
  readonly log: RouterLog | null;
  readonly tracing: OtlpTracing | null;
  readonly report: (requestId: string, error: unknown) => void;
}

/** The router's metrics, log and traces, joined. */
export interface RouterObservation {
  readonly metrics: RouterMetrics;
  readonly answer: ObservedAnswer;
  /** The metrics of every process that serves for this router. */
  readonly gather: () => Promise<readonly (readonly MetricSnapshot[])[]>;
  /** What they are doing now. */
  readonly live: () => Promise<LiveView>;
  close(): Promise<void>;
}

/** Has the router's requests and parts watched. */
export function observeRouter(router: ObservedRouter): RouterObservation {
  const { options, states, tokens, log, tracing, report } = router;
  const { requestsUnderWay, maxRequestsUnderWay } = router;
  const metrics = new RouterMetrics({ version, upstreams: states, requestsUnderWay, maxRequestsUnderWay, tokens });
  addMetrics(metrics, router);
  if (log !== null) logReplicas(log, router);

  const answer = observedAnswer({
    onTokenGap: metrics.onTokenGap,
    onAnswered: (answered, exchange, notes) => {
      metrics.answered(answered, notes);
      log?.request(answered, exchange, notes);
    },
    trace: tracing === null ? null : (requestId, notes) => tracing.trace(requestId, notes),
    report,
  });
  const gather = async (): Promise<readonly (readonly MetricSnapshot[])[]> => {
    const own = await metrics.snapshots();
    return options.gatherMetrics === undefined ? [own] : [own, ...(await options.gatherMetrics(own))];
  };
  return {
    metrics,
    answer,
    gather,
    live: async () => liveView(await gather(), states(), Date.now()),
    close: async () => {
      metrics.close();
      await tracing?.close();
    },
  };
}

function addMetrics(metrics: RouterMetrics, { options, replicas, evidenceUntilMs, tracing }: ObservedRouter): void {
  if (replicas !== null) {
    const isUp = (): number => (replicas.isUp ? 1 : 0);
    metrics.gauge('sotto_redis_up', '1 where the Redis server of the replicas answers', isUp, { acrossWorkers: 'min' });
  }
  if (evidenceUntilMs !== null) {
    const name = 'sotto_evidence_expiry_timestamp_seconds';
    const until = (): number => Math.floor((evidenceUntilMs() ?? 0) / 1_000);
    metrics.gauge(name, 'When the published evidence ends; 0 where there is none', until, { acrossWorkers: 'min' });
  }
  const { log } = options;
  if (log !== undefined) {
    metrics.counter('sotto_log_lines_dropped_total', 'Lines of the log that nobody took', () => log.dropped);
  }
  if (tracing !== null) {
    metrics.counter('sotto_trace_spans_total', 'Spans by what became of them', () => tracing.spans, {
      label: 'outcome',
    });
  }
}

function logReplicas(log: RouterLog, { replicas }: ObservedRouter): void {
  replicas?.onChange(() => {
    if (replicas.isUp) log.event('info', 'redis_back', {});
    else log.event('warn', 'redis_away', {});
  });
}
