import { isSqliteError, SQLITE_BUSY } from './sqlite-error.ts';

/** How long a statement waits inside SQLite, which stops everything else in the process. */
export const BUSY_TIMEOUT_MS = 25;
/** How long it is tried again beyond that, while the process does other things. */
const BUSY_DEADLINE_MS = 3_000;
const BUSY_PAUSE_MS = 15;

/** Tries again while another process holds the database's lock. @throws SqliteError what SQLite says after 3 s */
export async function retryWhileBusy<T>(work: () => T): Promise<T> {
  const deadline = performance.now() + BUSY_DEADLINE_MS;
  for (;;) {
    try {
      return work();
    } catch (error) {
      if (!isSqliteError(error, SQLITE_BUSY) || performance.now() > deadline) throw error;
    }
    // Chance keeps processes that wait for the same lock out of step.
    await new Promise((resolve) => setTimeout(resolve, BUSY_PAUSE_MS * (0.5 + Math.random())));
  }
}
