import { SECURITY_TIERS } from '@sotto/protocol';
import { z } from 'zod';
import type { Chatbot } from '../chatbots/chatbot.ts';
import type { ChatbotStore } from '../chatbots/chatbot-store.ts';
import { type SqlDatabase, withDatabase } from './sql-database.ts';

/** Strict: what this version does not know of a chatbot may be a limit of it. */
const definitionSchema = z.strictObject({
  name: z.string(),
  type: z.string(),
  description: z.string(),
  model: z.string(),
  systemPrompt: z.string(),
  parameters: z.record(z.string(), z.unknown()),
  tier: z.enum(SECURITY_TIERS).optional(),
  ttlSeconds: z.number().optional(),
});

/** Keeps chatbots in a database. */
export function sqlChatbotStore({ queries }: SqlDatabase): ChatbotStore {
  return {
    list: () =>
      withDatabase(async () => {
        const rows = await queries.selectFrom('chatbots').selectAll().orderBy('id').execute();
        return rows.map(({ id, definition }) => readChatbot(id, definition));
      }),
    get: (id) =>
      withDatabase(async () => {
        const row = await queries.selectFrom('chatbots').selectAll().where('id', '=', id).executeTakeFirst();
        return row === undefined ? null : readChatbot(id, row.definition);
      }),
    put: ({ id, ...rest }) =>
      withDatabase(async () => {
        const definition = JSON.stringify(rest);
        await queries
          .insertInto('chatbots')
          .values({ id, definition })
          .onConflict((conflict) => conflict.column('id').doUpdateSet({ definition }))
          .execute();
      }),
    delete: (id) =>
      withDatabase(() =>
        queries.transaction().execute(async (transaction) => {
          const { numDeletedRows } = await transaction.deleteFrom('chatbots').where('id', '=', id).executeTakeFirst();
          if (numDeletedRows === 0n) return false;
          await transaction.deleteFrom('conversations').where('chatbot_id', '=', id).execute();
          return true;
        }),
      ),
  };
}

function readChatbot(id: string, definition: string): Chatbot {
  const { tier, ttlSeconds, ...rest } = definitionSchema.parse(JSON.parse(definition));
  return { id, ...rest, tier, ttlSeconds };
}
