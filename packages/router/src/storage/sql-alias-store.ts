import { z } from 'zod';
import type { AliasStore } from '../upstreams/alias-store.ts';
import { type SqlDatabase, withDatabase } from './sql-database.ts';

const modelsSchema = z.array(z.string());

/** Keeps aliases in a database. */
export function sqlAliasStore({ queries }: SqlDatabase): AliasStore {
  return {
    list: () =>
      withDatabase(async () => {
        const rows = await queries.selectFrom('aliases').selectAll().orderBy('alias').execute();
        // `fromEntries` makes members of its own, whatever they are called: `__proto__` is an alias like any other.
        return Object.fromEntries(rows.map(({ alias, models }) => [alias, modelsSchema.parse(JSON.parse(models))]));
      }),
    put: (alias, list) =>
      withDatabase(async () => {
        const models = JSON.stringify(list);
        await queries
          .insertInto('aliases')
          .values({ alias, models })
          .onConflict((conflict) => conflict.column('alias').doUpdateSet({ models }))
          .execute();
      }),
    delete: (alias) =>
      withDatabase(async () => {
        const { numDeletedRows } = await queries.deleteFrom('aliases').where('alias', '=', alias).executeTakeFirst();
        return numDeletedRows > 0n;
      }),
  };
}
