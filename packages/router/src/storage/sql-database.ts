import { APIError, apiError, type ConfigurationError } from '@sotto/protocol';
import type { Kysely, RawBuilder } from 'kysely';
import type { Tables } from './tables.ts';

/** A database that the stores can be kept in: what differs between one kind and the next. */
export interface SqlDatabase {
  readonly kind: 'sqlite' | 'postgres';
  /** False where it ends with the process. */
  readonly lasting: boolean;
  readonly queries: Kysely<Tables>;
  /** The database's word for a column of bytes. */
  readonly bytesType: 'blob' | 'bytea';
  /** The database's words for a column of text that sorts by code points. */
  readonly textType: 'text' | RawBuilder<unknown>;
  /** Makes others that want to change the tables' shape wait until this transaction is over. */
  lockForMigration(transaction: Kysely<Tables>): Promise<void>;
  /** The names of the tables that are there, ours or another program's. */
  tables(queries: Kysely<Tables>): Promise<readonly string[]>;
  /** What to tell the operator of a database that cannot be used. Repeats nothing of its address. */
  explain(error: unknown): ConfigurationError;
  /** Whether a statement failed because what it writes must be there once only. */
  isTaken(error: unknown): boolean;
}

/**
 * Runs work that asks the database. Whatever goes wrong in it means that the database is away, and the cause stays
 * inside.
 * @throws ServiceUnavailableError `store_unavailable`
 */
export async function withDatabase<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (APIError.isInstance(error)) throw error;
    throw apiError('store_unavailable', 'the database does not answer: try again later', { cause: error });
  }
}
