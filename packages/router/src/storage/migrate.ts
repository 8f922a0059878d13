import { ConfigurationError } from '@sotto/protocol';
import type { Kysely } from 'kysely';
import { MIGRATIONS, type Migration } from './migrations.ts';
import type { SqlDatabase } from './sql-database.ts';
import type { Tables } from './tables.ts';

/** Where the steps that were taken are written down; its name also tells a router's database from another program's. */
const MIGRATIONS_TABLE = 'sotto_migrations';

type WithMigrations = {
  readonly [MIGRATIONS_TABLE]: { readonly number: number; readonly name: string; readonly applied_at_ms: number };
};

/**
 * Brings the tables to the shape that this version knows. Every step is a transaction of its own that also reads what
 * was done before it, so two processes that start at once take turns, and one that is killed leaves no half step.
 * @throws ConfigurationError `invalid_config` where a later version or another program has been here
 */
export async function migrate(database: SqlDatabase, migrations: readonly Migration[] = MIGRATIONS): Promise<void> {
  let done = await takeStep(database, migrations);
  while (done < migrations.length) done = await takeStep(database, migrations);
}

/** @returns how many steps have been taken */
function takeStep(database: SqlDatabase, migrations: readonly Migration[]): Promise<number> {
  return database.queries.transaction().execute(async (transaction) => {
    await database.lockForMigration(transaction);
    const done = await countSteps(transaction, await database.tables(transaction));
    if (done > migrations.length) {
      throw new ConfigurationError('storage: a later version of the router made this database: start that one', {
        code: 'invalid_config',
      });
    }
    const next = migrations[done];
    if (next === undefined) return done;
    await next.up(transaction, database);
    await journal(transaction)
      .insertInto(MIGRATIONS_TABLE)
      .values({ number: done + 1, name: next.name, applied_at_ms: Date.now() })
      .execute();
    return done + 1;
  });
}

async function countSteps(transaction: Kysely<Tables>, tables: readonly string[]): Promise<number> {
  if (!tables.includes(MIGRATIONS_TABLE)) {
    if (tables.length > 0) {
      throw new ConfigurationError('storage: the database belongs to another program: make one for the router', {
        code: 'invalid_config',
      });
    }
    await transaction.schema
      .createTable(MIGRATIONS_TABLE)
      .addColumn('number', 'integer', (column) => column.primaryKey().notNull())
      .addColumn('name', 'text', (column) => column.notNull())
      .addColumn('applied_at_ms', 'bigint', (column) => column.notNull())
      .execute();
    return 0;
  }
  const last = await journal(transaction)
    .selectFrom(MIGRATIONS_TABLE)
    .select('number')
    .orderBy('number', 'desc')
    .executeTakeFirst();
  return last?.number ?? 0;
}

function journal(queries: Kysely<Tables>): Kysely<Tables & WithMigrations> {
  return queries.withTables<WithMigrations>();
}
