import type { Live, LiveHistogram, LiveUpstream } from './live.ts';

/** What happened between two looks at a router, and how it stands at the second. */
export interface Activity {
  readonly seconds: number;
  readonly uptimeSeconds: number;
  readonly workers: number;
  readonly underWay: number;
  readonly limit: number;
  readonly requestsPerSecond: number;
  readonly promptTokensPerSecond: number;
  readonly completionTokensPerSecond: number;
  /** The share of requests that ended with a 5xx or broke off; null where there was none. */
  readonly errorShare: number | null;
  readonly latencyMs: Percentiles;
  readonly firstTokenMs: Percentiles;
  /** Requests in between. */
  readonly byDoor: Readonly<Record<string, number>>;
  readonly byTier: Readonly<Record<string, number>>;
  readonly byCode: Readonly<Record<string, number>>;
  readonly upstreams: readonly UpstreamActivity[];
}

/** Null where nothing was measured. */
export interface Percentiles {
  readonly p50: number | null;
  readonly p99: number | null;
}

/** A model server, with what it did in between. */
export interface UpstreamActivity extends LiveUpstream {
  readonly servedPerSecond: number;
  readonly failedPerSecond: number;
}

/** Compares two looks at a router. One that has started anew in between has done all that it counts. */
export function activityBetween(before: Live, now: Live): Activity {
  const startedAnew = now.startedAtMs > before.startedAtMs && total(now) < total(before);
  const from = startedAnew ? null : before;
  const seconds = Math.max((now.atMs - before.atMs) / 1_000, 0.001);
  const requests = total(now) - (from === null ? 0 : total(from));
  const failed = now.requests.failed - (from?.requests.failed ?? 0);
  return {
    seconds,
    uptimeSeconds: Math.max(0, (now.atMs - now.startedAtMs) / 1_000),
    workers: now.workers,
    underWay: now.requests.underWay,
    limit: now.requests.limit,
    requestsPerSecond: requests / seconds,
    promptTokensPerSecond: (now.tokens.prompt - (from?.tokens.prompt ?? 0)) / seconds,
    completionTokensPerSecond: (now.tokens.completion - (from?.tokens.completion ?? 0)) / seconds,
    errorShare: requests > 0 ? failed / requests : null,
    latencyMs: percentiles(now.latency, from?.latency),
    firstTokenMs: percentiles(now.firstToken, from?.firstToken),
    byDoor: growth(now.requests.byDoor, from?.requests.byDoor),
    byTier: growth(now.requests.byTier, from?.requests.byTier),
    byCode: growth(now.requests.byCode, from?.requests.byCode),
    upstreams: now.upstreams.map((upstream) => {
      const earlier = from?.upstreams.find(({ name }) => name === upstream.name);
      return {
        ...upstream,
        servedPerSecond: (upstream.served - (earlier?.served ?? 0)) / seconds,
        failedPerSecond: (upstream.failed - (earlier?.failed ?? 0)) / seconds,
      };
    }),
  };
}

function total({ requests }: Live): number {
  return Object.values(requests.byDoor).reduce((sum, count) => sum + count, 0);
}

function growth(now: Readonly<Record<string, number>>, before: Readonly<Record<string, number>> = {}) {
  const grown = Object.entries(now).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
  return Object.fromEntries(grown.filter(([, count]) => count > 0));
}

function percentiles(now: LiveHistogram, before: LiveHistogram | undefined): Percentiles {
  // A histogram has no buckets before its first value.
  const earlier = before?.counts.length === now.counts.length ? before.counts : [];
  const counts = now.counts.map((count, index) => Math.max(0, count - (earlier[index] ?? 0)));
  return { p50: quantileMs(counts, now.boundsSeconds, 0.5), p99: quantileMs(counts, now.boundsSeconds, 0.99) };
}

/** Within a bucket the values are taken to be spread evenly; beyond the last bound nothing more is known. */
function quantileMs(counts: readonly number[], bounds: readonly number[], share: number): number | null {
  const all = counts.reduce((sum, count) => sum + count, 0);
  if (all === 0) return null;
  let below = 0;
  for (const [index, count] of counts.entries()) {
    const lower = bounds[index - 1] ?? 0;
    const upper = bounds[index] ?? lower;
    if (count > 0 && below + count >= share * all) {
      return (lower + ((share * all - below) / count) * (upper - lower)) * 1_000;
    }
    below += count;
  }
  return (bounds.at(-1) ?? 0) * 1_000;
}
