import { z } from 'zod';
import { sendJson } from '../http/answer.ts';
import type { ResponseSink } from '../http/exchange.ts';
import type { Route } from '../http/route-table.ts';

/** What the health routes ask of the rest of the router. */
export interface HealthOptions {
  /** From then on new requests are refused. */
  readonly isShuttingDown: () => boolean;
  /** Whether at least one model server can be asked. */
  readonly hasUpstream: () => boolean;
  /** Whether the database is there, as far as is known at this moment. */
  readonly isStoreUp: () => boolean;
  /** Asks the database for a sign of life, and does not wait for it for long. */
  readonly pingStore: () => Promise<boolean>;
  /** Whether the Redis server of the replicas answers; absent where there is none. */
  readonly isRedisUp?: () => boolean;
}

const healthSchema = z.object({ status: z.enum(['ok', 'degraded', 'shutting_down', 'unavailable']) });

/** Each part that a request needs, and whether it is there. */
const readinessSchema = healthSchema.extend({
  upstreams: z.enum(['ok', 'unavailable']),
  store: z.enum(['ok', 'unavailable']),
  redis: z.enum(['ok', 'unavailable']).optional(),
});

/**
 * `GET /health` and `/health/live`: the process answers; `/health/ready`: it takes requests, 503 from the moment it
 * shuts down or has no model server to ask; `/health/db`: the database answers. A database or a Redis server that is away
 * makes no router unready: it goes on from memory, and says `degraded`. Nor does one that hangs keep the probe waiting.
 */
export function healthRoutes(options: HealthOptions): readonly Route[] {
  const serving = (): Health => (options.isShuttingDown() ? 'shutting_down' : 'ok');
  return [
    route('/health', 'Whether the router takes requests', healthSchema, ({ sink }) => answer(sink, serving())),
    route('/health/live', 'Whether the process answers', healthSchema, ({ sink }) => answer(sink, 'ok')),
    route('/health/ready', 'Whether requests can be answered', readinessSchema, ({ sink }) => {
      const upstreams = options.hasUpstream() ? 'ok' : 'unavailable';
      const store = options.isStoreUp() ? 'ok' : 'unavailable';
      const { isRedisUp } = options;
      const redis = isRedisUp === undefined ? {} : ({ redis: isRedisUp() ? 'ok' : 'unavailable' } as const);
      const isWhole = store === 'ok' && redis.redis !== 'unavailable';
      answer(sink, readiness(serving(), upstreams, isWhole), { upstreams, store, ...redis });
    }),
    route('/health/db', 'Whether the database answers', healthSchema, async ({ sink }) => {
      answer(sink, (await options.pingStore()) ? 'ok' : 'unavailable');
    }),
  ];
}

type Health = z.output<typeof healthSchema>['status'];

function readiness(serving: Health, upstreams: 'ok' | 'unavailable', isWhole: boolean): Health {
  if (serving !== 'ok') return serving;
  if (upstreams !== 'ok') return upstreams;
  return isWhole ? 'ok' : 'degraded';
}

function route(path: string, summary: string, schema: z.ZodType, handle: Route['handle']): Route {
  const content = { 'application/json': schema };
  const responses = { 200: { description: 'It does.', content }, 503: { description: 'It does not.', content } };
  return { method: 'GET', path, handle, operation: { summary, tag: 'health', credential: 'none', responses } };
}

function answer(sink: ResponseSink, status: Health, parts: Record<string, string> = {}): void {
  sendJson(
    sink,
    status === 'ok' || status === 'degraded' ? 200 : 503,
    { status, ...parts },
    { 'cache-control': 'no-store' },
  );
}
