import type { AdminApi } from '../admin-api.ts';
import { asMembers, flagAt, listAt, type Members, numberAt, orNull, textAt } from '../json-shape.ts';

/** What is counted. */
export interface Counts {
  readonly requests: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
  readonly costUsd: number;
}

/** What one key used of one model on one day. */
export interface UsageRow extends Counts {
  readonly day: string;
  readonly key: string;
  readonly keyName: string | null;
  readonly model: string;
}

/** Rows, the latest day first, and their sums. */
export interface Usage {
  readonly rows: readonly UsageRow[];
  readonly hasMore: boolean;
  readonly totals: Counts;
}

/** Which rows. An empty member asks for all. */
export interface UsageFilter {
  readonly days: number;
  readonly key: string;
  readonly model: string;
}

const MAX_ROWS = 20_000;
const DAY_MS = 86_400_000;

/** The days that a filter asks for, in UTC, the first one first. */
export function daysOf({ days }: Pick<UsageFilter, 'days'>, nowMs: number): readonly string[] {
  return Array.from({ length: days }, (_, index) => isoDay(nowMs - (days - 1 - index) * DAY_MS));
}

function isoDay(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

/** The query of a filter. */
export function usageQuery(filter: UsageFilter, nowMs: number): URLSearchParams {
  const [from = ''] = daysOf(filter, nowMs);
  const query = new URLSearchParams({ from });
  if (filter.key !== '') query.set('key', filter.key);
  if (filter.model !== '') query.set('model', filter.model);
  return query;
}

/** Asks for usage. @throws ApiFailure, UnexpectedAnswer */
export async function loadUsage(api: AdminApi, filter: UsageFilter, signal: AbortSignal): Promise<Usage> {
  const query = usageQuery(filter, Date.now());
  query.set('limit', String(MAX_ROWS));
  const answer = asMembers(await api.json(`v1/usage?${query}`, { signal }));
  return {
    rows: listAt(answer, 'data', rowOf),
    hasMore: flagAt(answer, 'hasMore'),
    totals: countsOf(asMembers(answer['totals'], 'totals')),
  };
}

function rowOf(value: unknown): UsageRow {
  const row = asMembers(value);
  return {
    day: textAt(row, 'day'),
    key: textAt(row, 'key'),
    keyName: orNull(textAt, row, 'keyName'),
    model: textAt(row, 'model'),
    ...countsOf(row),
  };
}

function countsOf(members: Members): Counts {
  return {
    requests: numberAt(members, 'requests'),
    failed: numberAt(members, 'failed'),
    cancelled: numberAt(members, 'cancelled'),
    promptTokens: numberAt(members, 'promptTokens'),
    cachedTokens: numberAt(members, 'cachedTokens'),
    completionTokens: numberAt(members, 'completionTokens'),
    costUsd: numberAt(members, 'costUsd'),
  };
}

/** What a chart is of. */
export interface Measure {
  readonly id: string;
  readonly label: string;
  readonly of: (counts: Counts) => number;
}

/** Sums of a measure by whatever `by` tells of a row, the largest first. */
export function sumsBy(
  rows: readonly UsageRow[],
  by: (row: UsageRow) => string,
  { of }: Measure,
): readonly (readonly [name: string, sum: number])[] {
  const sums = new Map<string, number>();
  for (const row of rows) sums.set(by(row), (sums.get(by(row)) ?? 0) + of(row));
  return [...sums].sort(([, one], [, other]) => other - one);
}
