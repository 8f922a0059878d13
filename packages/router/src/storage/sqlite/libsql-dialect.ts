import {
  type CompiledQuery,
  type DatabaseConnection,
  type Driver,
  type QueryResult,
  SqliteDialect,
  SqliteDriver,
} from 'kysely';
import type Database from 'libsql';
import { retryWhileBusy } from './busy.ts';

/** Lets Kysely speak to libsql. */
export class LibsqlDialect extends SqliteDialect {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    super({ database });
    this.#database = database;
  }

  override createDriver(): Driver {
    return new LibsqlDriver(this.#database);
  }
}

/**
 * A prepared statement that SQLite refuses as busy stays under way until it is collected, and nothing can be committed
 * as long: so everything that waits for a lock goes through `exec`, which ends its statement.
 */
class LibsqlDriver extends SqliteDriver {
  readonly #database: Database.Database;

  constructor(database: Database.Database) {
    super({ database });
    this.#database = database;
  }

  override async acquireConnection(): Promise<DatabaseConnection> {
    return new LibsqlConnection(this.#database, await super.acquireConnection());
  }

  override beginTransaction(): Promise<void> {
    return begin(this.#database);
  }

  override commitTransaction(): Promise<void> {
    return commit(this.#database);
  }

  override rollbackTransaction(): Promise<void> {
    rollback(this.#database);
    return Promise.resolve();
  }

  override async destroy(): Promise<void> {
    try {
      this.#database.exec('pragma wal_checkpoint(truncate)');
    } catch {
      // It is tidier to leave one file behind than three, and no more than that.
    }
    await super.destroy();
  }
}

/** Takes the lock for writing at once: a transaction that reads first and writes later can be refused in the middle. */
function begin(database: Database.Database): Promise<void> {
  return retryWhileBusy(() => void database.exec('begin immediate'));
}

function commit(database: Database.Database): Promise<void> {
  return retryWhileBusy(() => void database.exec('commit'));
}

function rollback(database: Database.Database): void {
  // A full disk, for one, has SQLite roll back on its own: a second time would hide the first error.
  if (database.inTransaction) database.exec('rollback');
}

class LibsqlConnection implements DatabaseConnection {
  readonly #database: Database.Database;
  readonly #connection: DatabaseConnection;

  constructor(database: Database.Database, connection: DatabaseConnection) {
    this.#database = database;
    this.#connection = connection;
  }

  async executeQuery<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    const isAlone = !this.#database.inTransaction && query.query.kind !== 'SelectQueryNode';
    const result = isAlone ? await this.#write<Row>(query) : await this.#connection.executeQuery<Row>(query);
    for (const row of result.rows) viewBytes(row);
    return result;
  }

  streamQuery<Row>(query: CompiledQuery, chunkSize: number): AsyncIterableIterator<QueryResult<Row>> {
    return this.#connection.streamQuery(query, chunkSize);
  }

  async #write<Row>(query: CompiledQuery): Promise<QueryResult<Row>> {
    await begin(this.#database);
    try {
      const result = await this.#connection.executeQuery<Row>(query);
      await commit(this.#database);
      return result;
    } catch (error) {
      rollback(this.#database);
      throw error;
    }
  }
}

/** libsql gives bytes as an ArrayBuffer. */
function viewBytes(row: unknown): void {
  if (typeof row !== 'object' || row === null) return;
  for (const [name, value] of Object.entries(row)) {
    if (value instanceof ArrayBuffer) Object.assign(row, { [name]: new Uint8Array(value) });
  }
}
