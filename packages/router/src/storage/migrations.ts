import type { Kysely } from 'kysely';
import type { SqlDatabase } from './sql-database.ts';
import type { Tables } from './tables.ts';

type ColumnTypes = Pick<SqlDatabase, 'bytesType' | 'textType'>;

/** One step of the tables' shape. Steps are never changed once released: a later one mends an earlier. */
export interface Migration {
  readonly name: string;
  up(queries: Kysely<Tables>, types: ColumnTypes): Promise<void>;
}

/** All steps; a step's number is its place, counted from 1. */
export const MIGRATIONS: readonly Migration[] = [
  { name: 'first tables', up: createFirstTables },
  { name: 'usage writers', up: createUsageWriters },
];

async function createFirstTables({ schema }: Kysely<Tables>, { bytesType, textType }: ColumnTypes): Promise<void> {
  await schema
    .createTable('virtual_keys')
    .addColumn('id', textType, (column) => column.primaryKey().notNull())
    .addColumn('name', textType, (column) => column.unique().notNull())
    .addColumn('hash', textType, (column) => column.unique().notNull())
    .addColumn('hint', textType, (column) => column.notNull())
    .addColumn('rights', textType, (column) => column.notNull())
    .addColumn('created_at_ms', 'bigint', (column) => column.notNull())
    .addColumn('expires_at_ms', 'bigint')
    .addColumn('revoked_at_ms', 'bigint')
    .execute();
  await schema
    .createTable('aliases')
    .addColumn('alias', textType, (column) => column.primaryKey().notNull())
    .addColumn('models', textType, (column) => column.notNull())
    .execute();
  await schema
    .createTable('chatbots')
    .addColumn('id', textType, (column) => column.primaryKey().notNull())
    .addColumn('definition', textType, (column) => column.notNull())
    .execute();
  await createConversations(schema, { bytesType, textType });
  await schema
    .createTable('usage')
    .addColumn('day', textType, (column) => column.notNull())
    .addColumn('key_id', textType, (column) => column.notNull())
    .addColumn('model', textType, (column) => column.notNull())
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
    .addColumn('name', textType, (column) => column.primaryKey().notNull())
    .addColumn('value', textType, (column) => column.notNull())
    .execute();
}

/** No foreign key to the chatbots: those of the configuration are in no table. */
async function createConversations(
  schema: Kysely<Tables>['schema'],
  { bytesType, textType }: ColumnTypes,
): Promise<void> {
  await schema
    .createTable('conversations')
    .addColumn('id', textType, (column) => column.primaryKey().notNull())
    .addColumn('chatbot_id', textType, (column) => column.notNull())
    .addColumn('key_id', textType, (column) => column.notNull())
    .addColumn('version', 'bigint', (column) => column.notNull())
    .addColumn('sealed', bytesType, (column) => column.notNull())
    .addColumn('expires_at_ms', 'bigint', (column) => column.notNull())
    .execute();
  await schema.createIndex('conversations_by_expiry').on('conversations').column('expires_at_ms').execute();
  await schema.createIndex('conversations_by_chatbot').on('conversations').column('chatbot_id').execute();
}

async function createUsageWriters({ schema }: Kysely<Tables>, { textType }: ColumnTypes): Promise<void> {
  await schema
    .createTable('usage_writers')
    .addColumn('writer', textType, (column) => column.primaryKey().notNull())
    .addColumn('last_batch', 'bigint', (column) => column.notNull())
    .addColumn('written_at_ms', 'bigint', (column) => column.notNull())
    .execute();
}
