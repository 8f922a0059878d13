import { apiError } from '@sotto/protocol';
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
  /** Asks the database for a sign of life. @throws where it gives none */
  readonly pingStore: () => Promise<void>;
  /** Whether the Redis server of the replicas answers; absent where there is none. */
  readonly isRedisUp?: () => boolean;
}

const healthSchema = z.object({ status: z.enum(['ok', 'shutting_down', 'unavailable']) });

/** Each part that a request needs, and whether it is there. */
const readinessSchema = healthSchema.extend({
  upstreams: z.enum(['ok', 'unavailable']),
  store: z.enum(['ok', 'unavailable']),
  redis: z.enum(['ok', 'unavailable']).optional(),
});

/**
 * `GET /health` and `/health/live`: the process answers; `/health/ready`: it takes requests, 503 from the moment it
 * shuts down or has no model server to ask; `/health/db`: the database answers. A database or a Redis server that is away
 * makes no router unready: requests with known keys go on without them.
 */
export function healthRoutes(options: HealthOptions): readonly Route[] {
  const serving = (): Health => (options.isShuttingDown() ? 'shutting_down' : 'ok');
  return [
    route('/health', 'Whether the router takes requests', healthSchema, ({ sink }) => answer(sink, serving())),
    route('/health/live', 'Whether the process answers', healthSchema, ({ sink }) => answer(sink, 'ok')),
    route('/health/ready', 'Whether requests can be answered', readinessSchema, async ({ sink }) => {
      const upstreams = options.hasUpstream() ? 'ok' : 'unavailable';
      const store = await storeStatus(options);
      const status = serving() === 'ok' ? upstreams : 'shutting_down';
      const { isRedisUp } = options;
      const redis = isRedisUp === undefined ? {} : { redis: isRedisUp() ? 'ok' : 'unavailable' };
      answer(sink, status, { upstreams, store, ...redis });
    }),
    route('/health/db', 'Whether the database answers', healthSchema, async ({ sink }) => {
      answer(sink, await storeStatus(options));
    }),
  ];
}

type Health = z.output<typeof healthSchema>['status'];

function route(path: string, summary: string, schema: z.ZodType, handle: Route['handle']): Route {
  const content = { 'application/json': schema };
  const responses = { 200: { description: 'It does.', content }, 503: { description: 'It does not.', content } };
  return { method: 'GET', path, handle, operation: { summary, tag: 'health', credential: 'none', responses } };
}

function answer(sink: ResponseSink, status: Health, parts: Record<string, string> = {}): void {
  sendJson(sink, status === 'ok' ? 200 : 503, { status, ...parts }, { 'cache-control': 'no-store' });
}

/** A database that does not answer at all must not keep a probe waiting. */
const PING_TIMEOUT_MS = 2_000;

async function storeStatus({ pingStore }: HealthOptions): Promise<'ok' | 'unavailable'> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(apiError('store_unavailable', 'no sign of life in time')), PING_TIMEOUT_MS);
  });
  try {
    await Promise.race([pingStore(), late]);
    return 'ok';
  } catch {
    return 'unavailable';
  } finally {
    clearTimeout(timer);
  }
}
