import { type Kysely, type Selectable, sql } from 'kysely';
import { mergeRows } from '../usage/usage-rows.ts';
import type { UsageRow, UsageStore } from '../usage/usage-store.ts';
import { type SqlDatabase, withDatabase } from './sql-database.ts';
import type { Tables } from './tables.ts';

type Row = Selectable<Tables['usage']>;

const COUNTS = [
  'requests',
  'failed',
  'cancelled',
  'prompt_tokens',
  'cached_tokens',
  'completion_tokens',
  'cost_nano_usd',
] as const satisfies (keyof Row)[];

/** Rows of one statement: ten values each, far below what either database takes. */
const ROWS_A_STATEMENT = 100;
/** Longer than any process goes on trying to write one batch. */
const WRITERS_KEPT_MS = 90 * 86_400_000;

/** Keeps usage in a database. */
export function sqlUsageStore({ queries }: SqlDatabase): UsageStore {
  return {
    add: ({ writer, number, rows }) =>
      withDatabase(() =>
        queries.transaction().execute(async (transaction) => {
          if (await isWritten(transaction, writer, number)) return;
          // One statement must not write a row twice.
          const merged = mergeRows(rows).map(toRow);
          for (let first = 0; first < merged.length; first += ROWS_A_STATEMENT) {
            await addRows(transaction, merged.slice(first, first + ROWS_A_STATEMENT));
          }
        }),
      ),
    list: ({ keyId, model, from, to, limit }) =>
      withDatabase(async () => {
        let query = queries.selectFrom('usage').selectAll();
        if (keyId !== undefined) query = query.where('key_id', '=', keyId);
        if (model !== undefined) query = query.where('model', '=', model);
        if (from !== undefined) query = query.where('day', '>=', from);
        if (to !== undefined) query = query.where('day', '<=', to);
        const ordered = query.orderBy('day', 'desc').orderBy('key_id').orderBy('model').limit(limit);
        return (await ordered.execute()).map(fromRow);
      }),
    spentSince: (day) =>
      withDatabase(async () => {
        const rows = await queries
          .selectFrom('usage')
          .select(['key_id', sql<number | string>`sum(cost_nano_usd)`.as('spent')])
          .where('day', '>=', day)
          .groupBy('key_id')
          .execute();
        // PostgreSQL's sum of bigint is numeric, which comes as text.
        return new Map(rows.map(({ key_id, spent }) => [key_id, Number(spent)]));
      }),
  };
}

/** Writes down that this batch is being written, in the same transaction. @returns whether it was written before */
async function isWritten(transaction: Kysely<Tables>, writer: string, number: number): Promise<boolean> {
  const now = Date.now();
  if (number === 1) {
    await transaction
      .deleteFrom('usage_writers')
      .where('written_at_ms', '<', now - WRITERS_KEPT_MS)
      .execute();
  }
  const { numInsertedOrUpdatedRows = 0n } = await transaction
    .insertInto('usage_writers')
    .values({ writer, last_batch: number, written_at_ms: now })
    .onConflict((conflict) =>
      conflict
        .column('writer')
        .doUpdateSet({ last_batch: number, written_at_ms: now })
        .where('usage_writers.last_batch', '<', number),
    )
    .executeTakeFirst();
  return numInsertedOrUpdatedRows === 0n;
}

async function addRows(transaction: Kysely<Tables>, rows: readonly Row[]): Promise<void> {
  await transaction
    .insertInto('usage')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['day', 'key_id', 'model'])
        .doUpdateSet((update) =>
          Object.fromEntries(
            COUNTS.map((count) => [count, update(`usage.${count}`, '+', update.ref(`excluded.${count}`))]),
          ),
        ),
    )
    .execute();
}

function toRow(usage: UsageRow): Row {
  const { day, keyId, model, requests, failed, cancelled } = usage;
  return {
    day,
    key_id: keyId,
    model,
    requests,
    failed,
    cancelled,
    prompt_tokens: usage.promptTokens,
    cached_tokens: usage.cachedTokens,
    completion_tokens: usage.completionTokens,
    cost_nano_usd: usage.costNanoUsd,
  };
}

function fromRow(row: Row): UsageRow {
  const { day, key_id: keyId, model, requests, failed, cancelled } = row;
  return {
    day,
    keyId,
    model,
    requests,
    failed,
    cancelled,
    promptTokens: row.prompt_tokens,
    cachedTokens: row.cached_tokens,
    completionTokens: row.completion_tokens,
    costNanoUsd: row.cost_nano_usd,
  };
}
