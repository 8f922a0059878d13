import type { Selectable } from 'kysely';
import type { ConversationStore, StoredConversation } from '../chatbots/conversation-store.ts';
import { type SqlDatabase, withDatabase } from './sql-database.ts';
import type { Tables } from './tables.ts';

/** Keeps sealed conversations in a database. */
export function sqlConversationStore({ kind, queries }: SqlDatabase): ConversationStore {
  return {
    get: (id, nowMs) =>
      withDatabase(async () => {
        const row = await queries
          .selectFrom('conversations')
          .selectAll()
          .where('id', '=', id)
          .where('expires_at_ms', '>', nowMs)
          .executeTakeFirst();
        return row === undefined ? null : fromRow(row);
      }),
    save: (conversation) =>
      withDatabase(async () => {
        const { id, chatbotId, keyId, version, sealed, expiresAtMs } = conversation;
        if (version === 1) {
          const { numInsertedOrUpdatedRows = 0n } = await queries
            .insertInto('conversations')
            .values({ id, chatbot_id: chatbotId, key_id: keyId, version, sealed, expires_at_ms: expiresAtMs })
            .onConflict((conflict) => conflict.column('id').doNothing())
            .executeTakeFirst();
          return numInsertedOrUpdatedRows > 0n;
        }
        // One statement asks and writes: of two turns that follow the same version only one finds it.
        const { numUpdatedRows } = await queries
          .updateTable('conversations')
          .set({ version, sealed, expires_at_ms: expiresAtMs })
          .where('id', '=', id)
          .where('chatbot_id', '=', chatbotId)
          .where('key_id', '=', keyId)
          .where('version', '=', version - 1)
          .executeTakeFirst();
        return numUpdatedRows > 0n;
      }),
    delete: (id) =>
      withDatabase(async () => {
        const { numDeletedRows } = await queries.deleteFrom('conversations').where('id', '=', id).executeTakeFirst();
        return numDeletedRows > 0n;
      }),
    deleteExpired: (nowMs, limit) =>
      withDatabase(async () => {
        const { numDeletedRows } = await queries
          .deleteFrom('conversations')
          .where('id', 'in', (builder) => {
            const expired = builder
              .selectFrom('conversations')
              .select('id')
              .where('expires_at_ms', '<=', nowMs)
              .orderBy('expires_at_ms')
              .limit(limit);
            // What another replica sweeps at this moment is left to it.
            return kind === 'postgres' ? expired.forUpdate().skipLocked() : expired;
          })
          .executeTakeFirst();
        return Number(numDeletedRows);
      }),
  };
}

function fromRow(row: Selectable<Tables['conversations']>): StoredConversation {
  const { id, version, sealed } = row;
  return { id, chatbotId: row.chatbot_id, keyId: row.key_id, version, sealed, expiresAtMs: row.expires_at_ms };
}
