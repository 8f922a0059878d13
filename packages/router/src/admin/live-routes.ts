import { SECURITY_TIERS } from '@sotto/protocol';
import { z } from 'zod';
import { sendJson } from '../http/answer.ts';
import type { Route } from '../http/route-table.ts';
import type { LiveView } from '../metrics/live-view.ts';
import { UPSTREAM_CLASSES } from '../upstreams/upstream.ts';
import { adminOperation } from './admin-operation.ts';

const counts = z.record(z.string(), z.number());
const histogram = z.object({ boundsSeconds: z.array(z.number()), counts: z.array(z.number()) });
const liveSchema = z.object({
  object: z.literal('live'),
  atMs: z.number(),
  startedAtMs: z.number(),
  workers: z.int(),
  requests: z.object({
    underWay: z.int(),
    limit: z.int(),
    byDoor: counts,
    byCode: counts,
    byTier: counts,
    failed: z.int(),
  }),
  tokens: z.object({ prompt: z.number(), completion: z.number() }),
  latency: histogram,
  firstToken: histogram,
  upstreams: z
    .array(
      z.object({
        name: z.string(),
        tier: z.enum(SECURITY_TIERS),
        class: z.enum(UPSTREAM_CLASSES),
        healthy: z.boolean(),
        breaker: z.enum(['closed', 'half-open', 'open']),
        underWay: z.int(),
        waiting: z.int(),
        served: z.int(),
        failed: z.int(),
      }),
    )
    .readonly(),
});

/** The route that `sotto top` reads: counts, and nothing else. */
export function liveRoutes(live: () => Promise<LiveView>): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/admin/v1/live',
      handle: async ({ sink }) => sendJson(sink, 200, (await live()) satisfies z.output<typeof liveSchema>),
      operation: adminOperation('What the router is doing: counts since the start, of all its processes', liveSchema),
    },
  ];
}
