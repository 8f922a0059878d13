import { ConfigurationError } from '@sotto/protocol';
import { checkStorageKey } from './check-storage-key.ts';
import { migrate } from './migrate.ts';
import { sqlAliasStore } from './sql-alias-store.ts';
import { sqlChatbotStore } from './sql-chatbot-store.ts';
import { sqlConversationStore } from './sql-conversation-store.ts';
import { type SqlDatabase, withDatabase } from './sql-database.ts';
import { sqlKeyStore } from './sql-key-store.ts';
import { sqlUsageStore } from './sql-usage-store.ts';
import { openFailure, openSqlite } from './sqlite/open-sqlite.ts';
import type { Store } from './store.ts';

/** Whether what is kept there outlives the process. */
export function isLasting(storage: string): boolean {
  return storage !== 'memory:';
}

/**
 * Opens where the router keeps what it keeps, and brings its tables up to date. Several processes may share one file.
 * @param storage `memory:` or `sqlite:PATH`
 * @param storageKey 32 bytes; a database that lasts takes only the one it began with
 * @throws ConfigurationError `invalid_config`
 */
export async function openStore(storage: string, storageKey: Uint8Array): Promise<Store> {
  const database = await openSqlite(filePath(storage));
  try {
    await migrate(database);
    await checkStorageKey(database, storageKey);
  } catch (error) {
    await database.queries.destroy();
    throw openFailure(error);
  }
  return sqlStore(database);
}

function filePath(storage: string): string | null {
  if (storage === 'memory:') return null;
  const path = storage.startsWith('sqlite:') ? storage.slice('sqlite:'.length) : '';
  if (path !== '') return path;
  throw new ConfigurationError('storage: give memory: or sqlite:PATH', { code: 'invalid_config' });
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
