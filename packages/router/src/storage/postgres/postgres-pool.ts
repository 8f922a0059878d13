import { readFile } from 'node:fs/promises';
import { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { ConfigurationError } from '@sotto/protocol';
import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import type { PostgresAddress } from './postgres-address.ts';
import { isServersAnswer } from './postgres-error.ts';

/** How long things may take, in milliseconds. */
interface PoolLimits {
  readonly connections: number;
  readonly statementMs: number;
  readonly lockMs: number;
}

/** Requests wait for these: of one process, and no longer than a caller's patience. */
export const SERVING: PoolLimits = { connections: 10, statementMs: 5_000, lockMs: 3_000 };
/** A step of the tables' shape may rewrite a large table, and another router may be at it. */
export const MIGRATING: PoolLimits = { connections: 1, statementMs: 600_000, lockMs: 600_000 };

/** From asking for a connection to having one; it also bounds the wait for one of the pool. */
const CONNECT_TIMEOUT_MS = 5_000;
/** Beyond the server's own limit: then it does not answer at all, and the connection is of no use any more. */
const ANSWER_GRACE_MS = 1_000;
const IDLE_IN_TRANSACTION_MS = 15_000;
const GOODBYE_MS = 1_000;

/** Opens connections as they are asked for. @throws ConfigurationError `invalid_config` */
export async function createPool(
  address: PostgresAddress,
  password: string | null,
  { connections, statementMs, lockMs }: PoolLimits,
): Promise<PostgresPool> {
  // Loaded where it is asked for only.
  const { default: pg } = await import('pg');
  const sockets = new Set<Socket>();
  const pool = new pg.Pool({
    host: address.host,
    port: address.port,
    database: address.database,
    user: address.user,
    // Null would have the library look into the environment and ~/.pgpass: what is used is what was configured.
    password: password ?? '',
    ssl: await tlsOptions(address),
    application_name: 'sotto',
    // What two routers write at once waits for the other and then sees it, whatever the database has for its default.
    options: String.raw`-c default_transaction_isolation=read\ committed`,
    max: connections,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    statement_timeout: statementMs,
    lock_timeout: lockMs,
    query_timeout: statementMs + ANSWER_GRACE_MS,
    idle_in_transaction_session_timeout: Math.max(IDLE_IN_TRANSACTION_MS, statementMs),
    keepAlive: true,
    stream: () => {
      const socket = new Socket();
      sockets.add(socket);
      return socket.once('close', () => sockets.delete(socket));
    },
    types: { getTypeParser: parserOf(pg.types) },
  });
  // Without listeners the end of a connection would end the process. Whoever asks next is told.
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return { connect: async () => new Connection(await pool.connect()), end: () => end(pool, sockets) };
}

/** A connection that is given back only as long as it is sound: one in an unknown state would answer the wrong query. */
class Connection implements PostgresPoolClient {
  readonly #client: PoolClient;
  #broken: Error | null = null;

  constructor(client: PoolClient) {
    this.#client = client;
  }

  query<Row>(text: string, parameters: readonly unknown[]): Promise<PostgresQueryResult<Row>>;
  query<Row>(cursor: PostgresCursor<Row>): PostgresCursor<Row>;
  query(text: string | PostgresCursor<unknown>, parameters: readonly unknown[] = []): unknown {
    if (typeof text !== 'string') throw new TypeError('no cursor is opened here');
    return this.#ask(text, parameters);
  }

  release(): void {
    this.#client.release(this.#broken ?? undefined);
  }

  async #ask(text: string, parameters: readonly unknown[]): Promise<unknown> {
    if (this.#broken !== null) throw this.#broken;
    try {
      return await this.#client.query(text, [...parameters]);
    } catch (error) {
      if (!isServersAnswer(error)) this.#broken = error instanceof Error ? error : new Error('the connection is lost');
      throw error;
    }
  }
}

/** Says goodbye, and does not wait for whom no longer listens. */
async function end(pool: Pool, sockets: ReadonlySet<Socket>): Promise<void> {
  const timer = setTimeout(() => {
    for (const socket of sockets) socket.destroy();
  }, GOODBYE_MS);
  await pool.end();
  clearTimeout(timer);
}

async function tlsOptions({ tls, rootCertificateFile, host }: PostgresAddress): Promise<ConnectionOptions | false> {
  if (tls === 'disable') return false;
  const ca = rootCertificateFile === null ? null : await readAuthorities(rootCertificateFile);
  const trusted = ca === null ? {} : { ca };
  // PostgreSQL, "SSL Support", table 34.1: `require` with a root certificate at hand is `verify-ca`.
  if (tls === 'require' && ca === null) return { rejectUnauthorized: false };
  if (tls === 'verify-full') return { ...trusted, rejectUnauthorized: true, host };
  return { ...trusted, rejectUnauthorized: true, checkServerIdentity: () => undefined };
}

async function readAuthorities(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`storage: the file of sslrootcert, ${file}, cannot be read`, {
      code: 'invalid_config',
      cause: error,
    });
  }
}

type Parser = (text: string) => unknown;

/** What is used of the library's table of types. */
interface TypeParsers {
  readonly builtins: { readonly INT8: number; readonly BYTEA: number };
  getTypeParser(type: number): Parser;
}

/** Counts as numbers and bytes as plain arrays, on these connections only: the library's table is the process's. */
function parserOf(types: TypeParsers): (type: number, format?: string) => Parser {
  const { INT8, BYTEA } = types.builtins;
  const readBytes = types.getTypeParser(BYTEA);
  return (type, format) => {
    // Kysely's statements are answered in text.
    if (format === 'binary') throw new TypeError('no binary format is asked for');
    if (type === INT8) return safeInteger;
    return type === BYTEA ? (text) => plainBytes(readBytes(text)) : types.getTypeParser(type);
  };
}

function plainBytes(value: unknown): Uint8Array {
  if (!(value instanceof Uint8Array)) throw new TypeError('no bytes');
  return new Uint8Array(value);
}

function safeInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError('a count in the database is too large');
  return value;
}
