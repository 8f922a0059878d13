import type { Kysely } from 'kysely';
import type { SqlDatabase } from './sql-database.ts';
import type { Tables } from './tables.ts';

/** One step of the tables' shape. Steps are never changed once released: a later one mends an earlier. */
export interface Migration {
  readonly name: string;
  up(queries: Kysely<Tables>, types: Pick<SqlDatabase, 'bytesType'>): Promise<void>;
}

/** All steps; a step's number is its place, counted from 1. */
export const MIGRATIONS: readonly Migration[] = [{ name: 'first tables', up: createFirstTables }];

async function createFirstTables(
  { schema }: Kysely<Tables>,
  { bytesType }: Pick<SqlDatabase, 'bytesType'>,
): Promise<void> {
  await schema
    .createTable('virtual_keys')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('name', 'text', (column) => column.unique().notNull())
    .addColumn('hash', 'text', (column) => column.unique().notNull())
    .addColumn('hint', 'text', (column) => column.notNull())
    .addColumn('rights', 'text', (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('expires_at_ms', 'bigint')
    .addColumn('revoked_at_ms', 'bigint')
    .execute();
  await schema
    .createTable('aliases')
    .addColumn('alias', 'text', (column) => column.primaryKey().notNull())
    .addColumn('models', 'text', (column) => column.notNull())
    .execute();
  await schema
    .createTable('chatbots')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('definition', 'text', (column) => column.notNull())
    .execute();
  await createConversations(schema, bytesType);
  await schema
    .createTable('usage')
    .addColumn('day', 'text', (column) => column.notNull())
    .addColumn('key_id', 'text', (column) => column.notNull())
    .addColumn('model', 'text', (column) => column.notNull())
    .addColumn('requests', 'bigint', (column) => column.notNull())
    .addColumn('failed', 'bigint', (column) => column.notNull())
    .addColumn('cancelled', 'bigint', (column) => column.notNull())
    .addColumn('prompt_tokens', 'bigint', (column) => column.notNull())
    .addColumn('cached_tokens', 'bigint', (column) => column.notNull())
    .addColumn('completion_tokens', 'bigint', (column) => column.notNull())
    .addColumn('cost_nano_usd', 'bigint', (column) => column.notNull())
    .addPrimaryKeyConstraint('usage_of_a_day', ['day', 'key_id', 'model'])
    .execute();
  await schema
    .createTable('settings')
    .addColumn('name', 'text', (column) => column.primaryKey().notNull())
    .addColumn('value', 'text', (column) => column.notNull())
    .execute();
}

/** No foreign key to the chatbots: those of the configuration are in no table. */
async function createConversations(
  schema: Kysely<Tables>['schema'],
  bytesType: SqlDatabase['bytesType'],
): Promise<void> {
  await schema
    .createTable('conversations')
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('chatbot_id', 'text', (column) => column.notNull())
    .addColumn('key_id', 'text', (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('sealed', bytesType, (column) => column.notNull())
    .addColumn('expires_at_ms', 'bigint', (column) => column.notNull())
    .execute();
  await schema.createIndex('conversations_by_expiry').on('conversations').column('expires_at_ms').execute();
  await schema.createIndex('conversations_by_chatbot').on('conversations').column('chatbot_id').execute();
}
