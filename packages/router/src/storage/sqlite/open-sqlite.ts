import { closeSync, constants, openSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigurationError } from '@sotto/protocol';
import { Kysely, sql } from 'kysely';
import Database from 'libsql';
import { z } from 'zod';
import type { SqlDatabase } from '../sql-database.ts';
import { BUSY_TIMEOUT_MS, retryWhileBusy } from './busy.ts';
import { LibsqlDialect } from './libsql-dialect.ts';
import {
  isSqliteError,
  SQLITE_BUSY,
  SQLITE_CONSTRAINT_PRIMARYKEY,
  SQLITE_CONSTRAINT_UNIQUE,
  SQLITE_CORRUPT,
  SQLITE_NOTADB,
} from './sqlite-error.ts';

/** Only the router's own user may read it: it holds no key in clear, and still who may do what. */
const FILE_MODE = 0o600;

/**
 * Opens an SQLite database.
 * @param path the file, made where there is none in a folder that exists; null: in memory
 * @throws ConfigurationError `invalid_config`
 */
export async function openSqlite(path: string | null): Promise<SqlDatabase> {
  // An absolute path: libsql takes what looks like a URL for a server's address.
  const file = path === null ? null : resolve(path);
  if (file !== null) touch(file);
  const database = await retryWhileBusy(() => open(file ?? ':memory:')).catch((error: unknown) => {
    throw openFailure(error);
  });
  return {
    kind: 'sqlite',
    lasting: file !== null,
    queries: new Kysely({ dialect: new LibsqlDialect(database) }),
    bytesType: 'blob',
    textType: 'text',
    // Every transaction holds the lock for writing from its beginning.
    lockForMigration: () => Promise.resolve(),
    tables: async (queries) => {
      const { rows } = await sql<{ name: string }>`select name from sqlite_master where type = 'table'`.execute(
        queries,
      );
      return rows.map(({ name }) => name);
    },
    explain: openFailure,
    isTaken: (error) =>
      isSqliteError(error, SQLITE_CONSTRAINT_UNIQUE) || isSqliteError(error, SQLITE_CONSTRAINT_PRIMARYKEY),
  };
}

/** What to tell the operator of a database that cannot be used. */
function openFailure(error: unknown): ConfigurationError {
  if (ConfigurationError.isInstance(error)) return error;
  if (isSqliteError(error, SQLITE_BUSY)) return unusable('another program holds its lock', error);
  if (isSqliteError(error, SQLITE_NOTADB)) return unusable('the file is not an SQLite database', error);
  if (isSqliteError(error, SQLITE_CORRUPT)) return unusable('the database is damaged: restore it from a copy', error);
  return unusable('the database cannot be used', error);
}

function unusable(reason: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(`storage: ${reason}`, { code: 'invalid_config', cause });
}

/** Makes the file itself, so that nobody can read it even for a moment; SQLite gives its other files the same mode. */
function touch(file: string): void {
  try {
    closeSync(openSync(file, constants.O_RDWR | constants.O_CREAT, FILE_MODE));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    const reason =
      code === 'ENOENT' ? `there is no folder ${dirname(file)}` : `${file} cannot be opened for writing (${code})`;
    throw unusable(reason, error);
  }
}

/** What the pragmas answer: one row of one column. */
const journalMode = z.tuple([z.object({ journal_mode: z.enum(['wal', 'memory']) })]);

function open(name: string): Database.Database {
  const database = new Database(name);
  try {
    prepare(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function prepare(database: Database.Database): void {
  database.exec(`pragma busy_timeout = ${BUSY_TIMEOUT_MS}`);
  database.exec('pragma journal_mode = WAL');
  if (!journalMode.safeParse(database.pragma('journal_mode')).success) {
    throw unusable('the file system does not let several processes share a file');
  }
  // SQLite, PRAGMA synchronous: in WAL mode only FULL has a transaction on the disk before it is acknowledged.
  database.exec('pragma synchronous = FULL');
  database.exec('pragma foreign_keys = ON');
  // What is deleted is overwritten: an expired conversation must not be read out of a free page.
  database.exec('pragma secure_delete = ON');
}
