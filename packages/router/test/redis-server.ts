import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { test } from 'vitest';

/** Where Debian's package redis-server puts it. */
const BINARY = '/usr/bin/redis-server';

/** A Redis server on loopback that keeps nothing on disk. */
export interface RedisServer {
  readonly url: string;
  /** Ends it without a goodbye; what it held is gone. */
  kill(): Promise<void>;
  /** Stops it in the middle of what it does: connections stay open, nothing answers. `kill` ends it all the same. */
  freeze(): void;
  /** Lets it go on. */
  thaw(): void;
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>;
}

/** Runs `tests` where a Redis server can be started; elsewhere a test that says so takes their place. */
export function withRedisServer(tests: () => void): void {
  if (existsSync(BINARY)) tests();
  else {
    test('against a Redis server (not installed: skipped)', () => {
      process.stdout.write('skipped: there is no redis-server on this machine\n');
    });
  }
}

/** Starts a server on a free port. @param password what it asks of its clients; by default nothing */
export async function startRedisServer(password = ''): Promise<RedisServer> {
  const port = await freePort();
  let running: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    running = await startOn(port, password);
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    start,
    freeze: () => void running?.kill('SIGSTOP'),
    thaw: () => void running?.kill('SIGCONT'),
    kill: async () => {
      const ended = running;
      running = null;
      if (ended === null) return;
      const exit = new Promise((resolve) => ended.once('exit', resolve));
      ended.kill('SIGKILL');
      await exit;
    },
  };
}

function startOn(port: number, password: string): Promise<ChildProcess> {
  const address = ['--port', String(port), '--bind', '127.0.0.1', '--requirepass', password];
  const server = spawn(BINARY, [...address, '--save', '', '--appendonly', 'no'], {
    cwd: tmpdir(),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  // One that a failed test forgot must not outlive the tests.
  const kill = (): void => void server.kill('SIGKILL');
  process.once('exit', kill);
  server.once('exit', () => process.off('exit', kill));
  return new Promise((resolve, reject) => {
    server.once('exit', () => reject(new Error('redis-server ended at once')));
    server.stdout.on('data', (text: Buffer) => {
      if (text.includes('Ready to accept connections')) resolve(server);
    });
  });
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
