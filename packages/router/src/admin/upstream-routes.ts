import { SECURITY_TIERS } from '@sotto/protocol';
import { z } from 'zod';
import { sendJson } from '../http/answer.ts';
import type { Route } from '../http/route-table.ts';
import { UPSTREAM_CLASSES } from '../upstreams/upstream.ts';
import type { UpstreamState } from '../upstreams/upstream-state.ts';

const stateSchema = z.object({
  name: z.string(),
  tier: z.enum(SECURITY_TIERS),
  class: z.enum(UPSTREAM_CLASSES),
  healthy: z.boolean(),
  breaker: z.enum(['closed', 'open', 'half-open']),
  closedForMs: z.number(),
  underWay: z.int(),
  waiting: z.int(),
  served: z.int(),
  failed: z.int(),
  resent: z.int(),
  consecutiveFailures: z.int(),
  lastFailureCode: z.string().nullable(),
  lastChangeMs: z.number(),
  averageFirstByteMs: z.number().nullable(),
  probeStatus: z.int().nullable(),
});
const listSchema = z.object({ object: z.literal('list'), data: z.array(stateSchema).readonly() });

/** The route that tells how the model servers fare. */
export function upstreamRoutes(states: () => readonly UpstreamState[]): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/admin/v1/upstreams',
      handle: ({ sink }) =>
        sendJson(sink, 200, { object: 'list', data: states() } satisfies z.output<typeof listSchema>),
      operation: {
        summary: 'How the model servers fare, in the order of the configuration',
        tag: 'administration',
        credential: 'admin-key',
        responses: { 200: { description: 'The model servers.', content: { 'application/json': listSchema } } },
      },
    },
  ];
}
