import { Kysely, PostgresDialect, sql } from 'kysely';
import { migrate } from '../migrate.ts';
import type { SqlDatabase } from '../sql-database.ts';
import type { Tables } from '../tables.ts';
import { parsePostgresAddress } from './postgres-address.ts';
import { isPassing, isUniqueViolation, postgresFailure } from './postgres-error.ts';
import { createPool, MIGRATING, SERVING } from './postgres-pool.ts';

/** Any number that no other program takes for its own: "sott", 1. Advisory locks are one database's. */
const MIGRATION_LOCK = sql`select pg_advisory_xact_lock(1936684148, 1)`;

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 2_000;

/** How a database is opened. */
export interface OpenPostgresOptions {
  readonly password: string | null;
  /** How long a server that is not there is waited for. */
  readonly waitMs: number;
  /** Told once that it is waited for. */
  readonly onWaiting?: ((error: Error) => void) | undefined;
}

/**
 * Opens a PostgreSQL database, and brings its tables up to date.
 * @throws ConfigurationError `invalid_config`
 */
export async function openPostgres(url: string, options: OpenPostgresOptions): Promise<SqlDatabase> {
  const address = parsePostgresAddress(url);
  const password = options.password ?? address.password;
  const connect = async (limits: Parameters<typeof createPool>[2]): Promise<SqlDatabase> =>
    postgresDatabase(
      new Kysely({ dialect: new PostgresDialect({ pool: await createPool(address, password, limits) }) }),
    );
  const migrated = async (): Promise<void> => {
    const database = await connect(MIGRATING);
    try {
      await migrate(database);
    } finally {
      await database.queries.destroy();
    }
  };
  await patiently(migrated, options);
  return connect(SERVING);
}

/** Several replicas start with their database, and often before it. */
async function patiently(work: () => Promise<void>, { waitMs, onWaiting }: OpenPostgresOptions): Promise<void> {
  const deadline = performance.now() + waitMs;
  for (let retryMs = FIRST_RETRY_MS; ; retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS)) {
    try {
      await work();
      return;
    } catch (error) {
      const leftMs = deadline - performance.now();
      if (!isPassing(error) || leftMs <= 0) throw postgresFailure(error);
      if (retryMs === FIRST_RETRY_MS) onWaiting?.(postgresFailure(error));
      await new Promise((resolve) => setTimeout(resolve, Math.min(retryMs, leftMs)));
    }
  }
}

function postgresDatabase(queries: Kysely<Tables>): SqlDatabase {
  return {
    kind: 'postgres',
    lasting: true,
    queries,
    bytesType: 'bytea',
    // By code points, as SQLite and the router sort, whatever language the database was made for.
    textType: sql`text collate "C"`,
    explain: postgresFailure,
    isTaken: isUniqueViolation,
    lockForMigration: async (transaction) => void (await MIGRATION_LOCK.execute(transaction)),
    tables: listTables,
  };
}

/** Tables of the schema that ours are or would be in; an extension's own say nothing of whose database it is. */
async function listTables(queries: Kysely<Tables>): Promise<readonly string[]> {
  const { rows } = await sql<{ name: string }>`
    select relname as name from pg_class
    where relnamespace = (select oid from pg_namespace where nspname = current_schema()) and relkind in ('r', 'p')
      and not exists (select from pg_depend where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e')
  `.execute(queries);
  return rows.map(({ name }) => name);
}
