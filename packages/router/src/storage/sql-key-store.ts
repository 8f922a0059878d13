import { apiError, SECURITY_TIERS } from '@sotto/protocol';
import type { Selectable } from 'kysely';
import { z } from 'zod';
import type { KeyChanges, KeyStore, StoredKey } from '../virtual-keys/key-store.ts';
import type { KeyRights } from '../virtual-keys/virtual-key.ts';
import { type SqlDatabase, withDatabase } from './sql-database.ts';
import type { Tables } from './tables.ts';

type Row = Selectable<Tables['virtual_keys']>;

/** Strict: a right that this version does not know may be a limit, and a key is not let in without its limits. */
const rightsSchema = z.strictObject({
  models: z.array(z.string()).optional(),
  tiers: z.array(z.enum(SECURITY_TIERS)).optional(),
  defaultTier: z.enum(SECURITY_TIERS).optional(),
  requestsPerMinute: z.int().optional(),
  requestsPerDay: z.int().optional(),
  tokensPerMinute: z.int().optional(),
  budget: z.strictObject({ nanoUsd: z.int(), period: z.enum(['day', 'month', 'total']) }).optional(),
});

/** Keeps virtual keys in a database. */
export function sqlKeyStore({ kind, queries, isTaken }: SqlDatabase): KeyStore {
  const unlessTaken = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (!isTaken(error)) throw error;
      throw apiError('already_exists', 'a virtual key of this name, or this key itself, is there already');
    }
  };
  return {
    insert: (keys) =>
      withDatabase(() =>
        unlessTaken(() =>
          queries.transaction().execute(async (transaction) => {
            // One statement each: how many values one may hold differs between databases.
            for (const key of keys) await transaction.insertInto('virtual_keys').values(toRow(key)).execute();
          }),
        ),
      ),
    list: () =>
      withDatabase(async () => {
        const query = queries.selectFrom('virtual_keys').selectAll().orderBy('created_at_ms').orderBy('id');
        return (await query.execute()).map(fromRow);
      }),
    get: (id) =>
      withDatabase(async () => {
        const row = await queries.selectFrom('virtual_keys').selectAll().where('id', '=', id).executeTakeFirst();
        return row === undefined ? null : fromRow(row);
      }),
    update: (id, changes) =>
      withDatabase(() =>
        unlessTaken(() =>
          queries.transaction().execute(async (transaction) => {
            const query = transaction.selectFrom('virtual_keys').selectAll().where('id', '=', id);
            // SQLite's transactions hold the whole database.
            const row = await (kind === 'postgres' ? query.forUpdate() : query).executeTakeFirst();
            if (row === undefined) return null;
            const changed = withChanges(fromRow(row), changes);
            await transaction.updateTable('virtual_keys').set(toRow(changed)).where('id', '=', id).execute();
            return changed;
          }),
        ),
      ),
  };
}

function withChanges(key: StoredKey, changes: KeyChanges): StoredKey {
  return { ...key, ...changes };
}

function toRow(key: StoredKey): Row {
  const { id, name, hash, hint, createdAtMs, expiresAtMs, revokedAtMs } = key;
  const { models, tiers, defaultTier, requestsPerMinute, requestsPerDay, tokensPerMinute, budget } = key;
  const rights: KeyRights = {
    models,
    tiers,
    defaultTier,
    requestsPerMinute,
    requestsPerDay,
    tokensPerMinute,
    budget,
  };
  return {
    id,
    name,
    hash,
    hint,
    rights: JSON.stringify(rights),
    created_at_ms: createdAtMs,
    expires_at_ms: expiresAtMs,
    revoked_at_ms: revokedAtMs,
  };
}

function fromRow(row: Row): StoredKey {
  const rights = rightsSchema.parse(JSON.parse(row.rights));
  return {
    id: row.id,
    name: row.name,
    hash: row.hash,
    hint: row.hint,
    models: rights.models,
    tiers: rights.tiers,
    defaultTier: rights.defaultTier,
    requestsPerMinute: rights.requestsPerMinute,
    requestsPerDay: rights.requestsPerDay,
    tokensPerMinute: rights.tokensPerMinute,
    budget: rights.budget,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
    revokedAtMs: row.revoked_at_ms,
  };
}
