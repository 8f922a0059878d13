import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { sendBytes, sendJson } from '../http/answer.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Route } from '../http/route-table.ts';
import type { Usage, UsageQuery, UsageRow } from '../usage/usage-store.ts';
import { modelName } from './names.ts';
import { queryParameters, readQuery } from './read-request.ts';
import { writeCsv } from './usage-csv.ts';

/** What the route of usage needs. */
export interface UsageRoutesOptions {
  /** Rows of usage, those that are not written yet among them. */
  readonly usage: (query: UsageQuery) => Promise<readonly UsageRow[]>;
  /** The names of keys, by id. */
  readonly keyNames: () => Promise<ReadonlyMap<string, string>>;
}

const NANO_USD = 1_000_000_000;

const day = z.iso.date();
const usageQuery = z.strictObject({
  key: z.string().min(1).max(128).optional().describe('The id of a key.'),
  model: modelName.optional().describe('A model, by the name it was asked for.'),
  from: day.optional().describe('First day, in UTC.'),
  to: day.optional().describe('Last day, in UTC.'),
  limit: z.coerce.number().int().min(1).max(100_000).default(1_000).describe('Rows of the answer.'),
  format: z.enum(['json', 'csv']).default('json').describe('How to write the rows.'),
});

const counts = {
  requests: z.int(),
  failed: z.int().describe('Of these, requests that ended in an error.'),
  cancelled: z.int().describe('Of these, requests whose caller went away.'),
  promptTokens: z.int(),
  cachedTokens: z.int().describe('Of these, read from the cache of the model’s server.'),
  completionTokens: z.int(),
  costUsd: z.number(),
};
const rowSchema = z.object({
  day: z.string(),
  key: z.string(),
  keyName: z.string().nullable().describe('null where the key is gone from the configuration.'),
  model: z.string(),
  ...counts,
});
type Row = z.output<typeof rowSchema>;
const COLUMNS = Object.keys(rowSchema.shape) as (keyof Row)[];

const usageSchema = z.object({
  object: z.literal('list'),
  data: z.array(rowSchema),
  hasMore: z.boolean().describe('Whether there are more rows than the limit.'),
  totals: z.object(counts).describe('The sums of these rows.'),
});

/** The route of usage. */
export function usageRoutes(options: UsageRoutesOptions): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/admin/v1/usage',
      handle: (exchange) => listUsage(exchange, options),
      operation: {
        summary: 'Usage and costs by day, key and model, the latest day first',
        tag: 'administration',
        credential: 'admin-key',
        parameters: queryParameters(usageQuery.shape),
        responses: {
          200: { description: 'The rows.', content: { 'application/json': usageSchema, 'text/csv': null } },
        },
      },
    },
  ];
}

async function listUsage({ request, sink }: Exchange, options: UsageRoutesOptions): Promise<void> {
  const { key, model, from, to, limit, format } = readQuery(request, usageQuery);
  const found = await options.usage({
    ...(key === undefined ? {} : { keyId: key }),
    ...(model === undefined ? {} : { model }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    limit: limit + 1,
  });
  const names = await options.keyNames();
  const rows = found.slice(0, limit);
  const data = rows.map((row) => rowOf(row, names.get(row.keyId) ?? null));
  if (format === 'csv') {
    sendBytes(sink, 200, CSV_HEADERS, Buffer.from(writeCsv(COLUMNS, data)));
    return;
  }
  const totals = countsOf(rows.reduce(addUsage, NOTHING));
  sendJson(sink, 200, { object: 'list', data, hasMore: found.length > limit, totals } satisfies z.output<
    typeof usageSchema
  >);
}

const CSV_HEADERS = {
  'content-type': 'text/csv; charset=utf-8; header=present',
  'content-disposition': 'attachment; filename="usage.csv"',
};

const NOTHING: Usage = {
  requests: 0,
  failed: 0,
  cancelled: 0,
  promptTokens: 0,
  cachedTokens: 0,
  completionTokens: 0,
  costNanoUsd: 0,
};

function addUsage(one: Usage, other: Usage): Usage {
  return {
    requests: one.requests + other.requests,
    failed: one.failed + other.failed,
    cancelled: one.cancelled + other.cancelled,
    promptTokens: one.promptTokens + other.promptTokens,
    cachedTokens: one.cachedTokens + other.cachedTokens,
    completionTokens: one.completionTokens + other.completionTokens,
    costNanoUsd: one.costNanoUsd + other.costNanoUsd,
  };
}

function rowOf(usage: UsageRow, keyName: string | null): Row {
  return { day: usage.day, key: usage.keyId, keyName, model: usage.model, ...countsOf(usage) };
}

function countsOf(usage: Usage): Omit<Row, 'day' | 'key' | 'keyName' | 'model'> {
  const { requests, failed, cancelled, promptTokens, cachedTokens, completionTokens, costNanoUsd } = usage;
  return { requests, failed, cancelled, promptTokens, cachedTokens, completionTokens, costUsd: costNanoUsd / NANO_USD };
}
