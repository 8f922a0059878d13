import { Buffer } from 'node:buffer';
import { createHash, timingSafeEqual } from 'node:crypto';
import { ConfigurationError } from '@sotto/protocol';
import type { SqlDatabase } from './sql-database.ts';
import { deriveKey } from './storage-key.ts';

const SETTING = 'storage-key-check';
const LABEL = 'sotto/storage-key-check/v1';

/**
 * Holds the storage key against the one the database began with. Under another one no virtual key would be known and
 * no conversation would open, and nobody would know why.
 * @throws ConfigurationError `invalid_config` where it is another
 */
export async function checkStorageKey({ queries }: SqlDatabase, storageKey: Uint8Array): Promise<void> {
  const mine = createHash('sha256').update(deriveKey(storageKey, LABEL)).digest();
  const value = mine.toString('hex');
  await queries
    .insertInto('settings')
    .values({ name: SETTING, value })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  const kept = await queries.selectFrom('settings').select('value').where('name', '=', SETTING).executeTakeFirst();
  const theirs = Buffer.from(kept?.value ?? '', 'hex');
  if (theirs.length === mine.length && timingSafeEqual(theirs, mine)) return;
  throw new ConfigurationError('storageKey: this is not the key that the database was made with', {
    code: 'invalid_config',
  });
}
