import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { test } from 'vitest';

/** Where Debian's package postgresql puts each version. */
const VERSIONS = '/usr/lib/postgresql';
const SUPERUSER = 'sotto';
export const POSTGRES_PASSWORD = 'right-word';

/** Little memory, and no wait for the disk: what a test keeps need not outlive the machine. */
const SETTINGS = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  max_connections: '60',
  shared_buffers: '16MB',
  fsync: 'off',
  full_page_writes: 'off',
  log_statement: 'none',
};

/** A PostgreSQL server on loopback, in a folder of its own. */
export interface PostgresServer {
  readonly port: number;
  /** Makes an empty database, sorted by the rules of a language rather than by bytes. @returns its URL */
  createDatabase(name: string): Promise<string>;
  /** The URL of a database that there may be, with the superuser's name and password. */
  urlOf(database: string, user?: string): string;
  /** Runs SQL as the superuser. @returns what it answers, a row a line */
  sql(text: string, database?: string): Promise<string>;
  /** Ends it in the middle of what it does; what it had acknowledged is there when it is started again. */
  kill(): Promise<void>;
  /** Starts it again, on the same port, with what it kept. */
  start(): Promise<void>;
  /** Stops all its processes in the middle of what they do: connections stay open, nothing answers. */
  freeze(): void;
  thaw(): void;
  /** Ends it, and removes its folder. */
  close(): Promise<void>;
}

/** Where its programs are; null where it is not installed. */
function programs(): string | null {
  if (!existsSync(VERSIONS)) return null;
  const folders = readdirSync(VERSIONS).map((version) => join(VERSIONS, version, 'bin'));
  return (
    folders
      .filter((folder) => existsSync(join(folder, 'initdb')))
      .sort()
      .at(-1) ?? null
  );
}

/** Runs `tests` where a PostgreSQL server can be started; elsewhere a test that says so takes their place. */
export function withPostgresServer(tests: () => void): void {
  if (programs() !== null) {
    tests();
    return;
  }
  test('against a PostgreSQL server (not installed: skipped)', () => {
    process.stdout.write('skipped: there is no PostgreSQL server on this machine\n');
  });
}

/**
 * Starts a server on a free port, which takes about two seconds.
 * @param settings of postgresql.conf, beside the tests' own
 * @param files by name, to be found in the server's folder
 */
export async function startPostgres(
  settings: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): Promise<PostgresServer> {
  const bin = programs();
  if (bin === null) throw new Error('PostgreSQL is not installed');
  const user = serverUser();
  const folder = mkdtempSync(join(tmpdir(), 'sotto-postgres-'));
  if (user !== null) chownSync(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  await makeCluster(bin, data, folder, user);
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(data, name), text, { mode: 0o600 });
    if (user !== null) chownSync(join(data, name), user.uid, user.gid);
  }
  const port = await freePort();
  const all = Object.entries({ ...SETTINGS, port: String(port), ...settings });
  const args = ['-D', data, ...all.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  let running: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    running = await startServer(join(bin, 'postgres'), args, user, folder);
  };
  const kill = async (): Promise<void> => {
    const ended = running;
    running = null;
    if (ended !== null) await end(ended);
  };
  const urlOf = (database: string, as = `${SUPERUSER}:${POSTGRES_PASSWORD}`): string =>
    `postgres://${as}@127.0.0.1:${port}/${database}`;
  const sql = async (text: string, database = 'postgres'): Promise<string> => {
    const asked = ['--no-psqlrc', '-qtA', '-v', 'ON_ERROR_STOP=1', '-d', urlOf(database), '-c', text];
    return (await promisify(execFile)(join(bin, 'psql'), asked)).stdout.trim();
  };
  await start();
  return {
    port,
    urlOf,
    sql,
    start,
    kill,
    createDatabase: async (name) => {
      await sql(`create database "${name}" template template0 locale_provider icu icu_locale 'en-US'`);
      return urlOf(name);
    },
    freeze: () => signal(running, 'SIGSTOP'),
    thaw: () => signal(running, 'SIGCONT'),
    close: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** The server refuses to run as root: there it runs as the user that Debian's package makes for it. */
function serverUser(): ServerUser | null {
  if (process.getuid?.() !== 0) return null;
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }));
  return { uid: id('-u'), gid: id('-g') };
}

async function makeCluster(bin: string, data: string, cwd: string, user: ServerUser | null): Promise<void> {
  const passwordFile = join(cwd, 'password');
  writeFileSync(passwordFile, POSTGRES_PASSWORD);
  const args = ['-D', data, '-U', SUPERUSER, `--pwfile=${passwordFile}`, '-A', 'scram-sha-256'];
  await promisify(execFile)(
    join(bin, 'initdb'),
    [...args, '--no-sync', '-E', 'UTF8', '--locale=C.UTF-8', '--no-instructions'],
    { cwd, ...user },
  );
}

function startServer(
  program: string,
  args: readonly string[],
  user: ServerUser | null,
  cwd: string,
): Promise<ChildProcess> {
  const server = spawn(program, args, { cwd, stdio: ['ignore', 'ignore', 'pipe'], ...user });
  // One that a failed test forgot must not outlive the tests.
  const endWithUs = (): void => void server.kill('SIGQUIT');
  process.once('exit', endWithUs);
  let told = '';
  return new Promise((resolve, reject) => {
    server.once('exit', () => {
      process.off('exit', endWithUs);
      reject(new Error(`PostgreSQL ended: ${told.slice(-2_000)}`));
    });
    server.stderr.on('data', (text: Buffer) => {
      told = (told + text.toString('utf8')).slice(-10_000);
      if (told.includes('ready to accept connections')) resolve(server);
    });
  });
}

/** PostgreSQL, "Shutting Down the Server": SIGQUIT ends all its processes at once, as a crash would. */
async function end(server: ChildProcess): Promise<void> {
  const exit = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGQUIT');
  signal(server, 'SIGCONT');
  await exit;
}

function signal(server: ChildProcess | null, name: NodeJS.Signals): void {
  if (server?.pid === undefined) return;
  server.kill(name);
  const children = readFileSync(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8');
  for (const pid of children.split(' ').filter(Boolean)) {
    try {
      process.kill(Number(pid), name);
    } catch {
      // It has just ended.
    }
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
