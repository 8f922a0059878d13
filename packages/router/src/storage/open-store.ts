import { ConfigurationError } from '@sotto/protocol';
import { checkStorageKey } from './check-storage-key.ts';
import { migrate } from './migrate.ts';
import { openPostgres } from './postgres/open-postgres.ts';
import { isPostgresUrl } from './postgres/postgres-address.ts';
import { sqlAliasStore } from './sql-alias-store.ts';
import { sqlChatbotStore } from './sql-chatbot-store.ts';
import { sqlConversationStore } from './sql-conversation-store.ts';
import { type SqlDatabase, withDatabase } from './sql-database.ts';
import { sqlKeyStore } from './sql-key-store.ts';
import { sqlUsageStore } from './sql-usage-store.ts';
import { openSqlite } from './sqlite/open-sqlite.ts';
import type { Store } from './store.ts';

/** Whether what is kept there outlives the process. */
export function isLasting(storage: string): boolean {
  return storage !== 'memory:';
}

/** What opening a database on another machine takes. */
export interface OpenStoreOptions {
  /** PostgreSQL's password; null: as the URL says. */
  readonly password?: string | null;
  /** How long a server that is not there is waited for; by default not at all. */
  readonly waitMs?: number;
  /** Told once that it is waited for. */
  readonly onWaiting?: (error: Error) => void;
}

/**
 * Opens where the router keeps what it keeps, and brings its tables up to date. Several processes may share one.
 * @param storage `memory:`, `sqlite:PATH` or a PostgreSQL URL
 * @param storageKey 32 bytes; a database that lasts takes only the one it began with
 * @throws ConfigurationError `invalid_config`
 */
export async function openStore(
  storage: string,
  storageKey: Uint8Array,
  options: OpenStoreOptions = {},
): Promise<Store> {
  const database = await openDatabase(storage, options);
  try {
    await checkStorageKey(database, storageKey);
  } catch (error) {
    await database.queries.destroy();
    throw database.explain(error);
  }
  return sqlStore(database);
}

async function openDatabase(storage: string, { password, waitMs, onWaiting }: OpenStoreOptions): Promise<SqlDatabase> {
  if (isPostgresUrl(storage)) {
    return openPostgres(storage, { password: password ?? null, waitMs: waitMs ?? 0, onWaiting });
  }
  const database = await openSqlite(filePath(storage));
  try {
    await migrate(database);
    return database;
  } catch (error) {
    await database.queries.destroy();
    throw database.explain(error);
  }
}

function filePath(storage: string): string | null {
  if (storage === 'memory:') return null;
  const path = storage.startsWith('sqlite:') ? storage.slice('sqlite:'.length) : '';
  if (path !== '') return path;
  throw new ConfigurationError('storage: give memory:, sqlite:PATH or postgres://USER@HOST/DATABASE', {
    code: 'invalid_config',
  });
}

/** The stores of all features over one database. */
function sqlStore(database: SqlDatabase): Store {
  return {
    kind: database.kind,
    lasting: database.lasting,
    keys: sqlKeyStore(database),
    aliases: sqlAliasStore(database),
    chatbots: sqlChatbotStore(database),
    conversations: sqlConversationStore(database),
    usage: sqlUsageStore(database),
    ping: () => withDatabase(async () => void (await database.queries.selectFrom('settings').select('name').execute())),
    close: () => database.queries.destroy(),
  };
}
