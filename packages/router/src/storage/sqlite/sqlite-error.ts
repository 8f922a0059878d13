/** SQLite's result codes, as its page "Result and Error Codes" numbers them. */
export const SQLITE_BUSY = 5;
export const SQLITE_READONLY = 8;
export const SQLITE_IOERR = 10;
export const SQLITE_CORRUPT = 11;
export const SQLITE_FULL = 13;
export const SQLITE_NOTADB = 26;
export const SQLITE_CONSTRAINT_PRIMARYKEY = 1_555;
export const SQLITE_CONSTRAINT_UNIQUE = 2_067;

/** The low byte of an extended result code is the primary one. */
const PRIMARY_MASK = 0xff;

/** Whether an error is SQLite's, with this result code; a primary code stands for all its extended ones. */
export function isSqliteError(error: unknown, code: number): boolean {
  if (!(error instanceof Error) || !('rawCode' in error) || typeof error.rawCode !== 'number') return false;
  return error.rawCode === code || (error.rawCode & PRIMARY_MASK) === code;
}
