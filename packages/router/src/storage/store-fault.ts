import {
  isSqliteError,
  SQLITE_BUSY,
  SQLITE_CORRUPT,
  SQLITE_FULL,
  SQLITE_IOERR,
  SQLITE_READONLY,
} from './sqlite/sqlite-error.ts';

/** What an operator is told of a database that is away, for its log: no statement, no value, no address. */
export function describeStoreFault(error: unknown): string {
  const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
  if (isSqliteError(cause, SQLITE_FULL)) return 'the disk is full';
  if (isSqliteError(cause, SQLITE_READONLY)) return 'the file may not be written';
  if (isSqliteError(cause, SQLITE_IOERR)) return 'the disk fails';
  if (isSqliteError(cause, SQLITE_BUSY)) return 'another program holds its lock';
  if (isSqliteError(cause, SQLITE_CORRUPT)) return 'the file is damaged';
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  // SQLSTATE and the system's own: a fixed vocabulary. The router's code says no more than that it is away.
  return /^[0-9A-Z_]{3,40}$/.test(code) ? `no answer (${code})` : 'no answer';
}
