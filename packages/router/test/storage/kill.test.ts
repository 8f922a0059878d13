import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'libsql';
import { build } from 'tsup';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../src/storage/open-store.ts';
import { eventually } from '../eventually.ts';
import { STORAGE_KEY, testFolder } from './folder.ts';
import { startPostgres, withPostgresServer } from './postgres-server.ts';

const ROUNDS = 8;
/** Beside the dependencies, so that Node finds them from there. */
const BUILT = fileURLToPath(new URL(`../../node_modules/.cache/storage-writer-${process.pid}/`, import.meta.url));

beforeAll(async () => {
  await build({
    entry: { writer: fileURLToPath(new URL('./writer.ts', import.meta.url)) },
    outDir: BUILT,
    outExtension: () => ({ js: '.mjs' }),
    format: 'esm',
    target: 'node20',
    config: false,
    silent: true,
    external: ['kysely', 'libsql', 'pg', 'zod'],
    noExternal: [/^@sotto\//],
    esbuildOptions: (options) => {
      options.conditions = ['@sotto/source'];
    },
  });
});
afterAll(() => rmSync(BUILT, { recursive: true, force: true }));

/** What was acknowledged, over all rounds. */
interface Acknowledged {
  readonly keys: string[];
  readonly revoked: string[];
  usage: number;
  readonly versions: Map<string, number>;
}

/** Has a process write until it has acknowledged `least` lines, and kills it in the middle of the next write. */
async function writeAndKill(storage: string, round: number, least: number, acknowledged: Acknowledged): Promise<void> {
  const writer = spawn(process.execPath, [join(BUILT, 'writer.mjs'), storage, `round${round}`]);
  let told = '';
  let failure = '';
  writer.stdout.on('data', (chunk: Buffer) => {
    told += chunk.toString('utf8');
  });
  writer.stderr.on('data', (chunk: Buffer) => {
    failure += chunk.toString('utf8');
  });
  await eventually('the writer has written', () => told.split('\n').length > least || failure !== '');
  await killed(writer);
  expect(failure).toBe('');
  // What stands behind the last line break was not told whole.
  for (const line of told.split('\n').slice(0, -1)) {
    const [kind = '', what = '', version = ''] = line.split(' ');
    if (kind === 'key') acknowledged.keys.push(what);
    if (kind === 'revoked') acknowledged.revoked.push(what);
    if (kind === 'usage') acknowledged.usage++;
    if (kind === 'version') acknowledged.versions.set(what, Number(version));
  }
}

function killed(writer: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    // `close`: its output has been read to the end.
    writer.once('close', () => resolve());
    writer.kill('SIGKILL');
  });
}

/** Rounds of writing and being killed: what was acknowledged is there, and no half write. */
async function outliveKills(storage: string): Promise<void> {
  const acknowledged: Acknowledged = { keys: [], revoked: [], usage: 0, versions: new Map() };
  for (let round = 0; round < ROUNDS; round++) {
    await writeAndKill(storage, round, 1 + round * 17, acknowledged);
    const store = await openStore(storage, STORAGE_KEY);
    const keys = new Map((await store.keys.list()).map((key) => [key.name, key]));
    for (const name of acknowledged.keys) expect(keys.has(name), name).toBe(true);
    for (const name of acknowledged.revoked) expect(keys.get(name)?.revokedAtMs, name).not.toBeNull();
    // Written together: there are both, or neither.
    for (const name of keys.keys())
      expect(keys.has(name.endsWith('-twin') ? name.slice(0, -5) : `${name}-twin`)).toBe(true);
    const usage = await store.usage.list({ limit: 10 });
    expect(usage.map(({ requests, costNanoUsd }) => requests - costNanoUsd)).toEqual(usage.map(() => 0));
    expect(new Set(usage.map(({ requests }) => requests)).size).toBeLessThan(2);
    // At most the one write of each round that was under way may be there without having been told.
    const counted = usage[0]?.requests ?? 0;
    expect(counted).toBeGreaterThanOrEqual(acknowledged.usage);
    expect(counted).toBeLessThanOrEqual(acknowledged.usage + round + 1);
    for (const [id, version] of acknowledged.versions) {
      const kept = await store.conversations.get(id, 0);
      expect(kept?.version).toBeGreaterThanOrEqual(version);
      expect(new Set(kept?.sealed)).toEqual(new Set([(kept?.version ?? 0) % 256]));
    }
    await store.close();
  }
  expect(acknowledged.usage).toBeGreaterThan(ROUNDS);
  expect(acknowledged.versions.size).toBeGreaterThan(ROUNDS / 2);
}

describe('a process that is killed while it writes loses nothing that was acknowledged', () => {
  test('in SQLite', { timeout: 60_000 }, async () => {
    const file = join(testFolder(), 'sotto.db');
    await outliveKills(`sqlite:${file}`);
    const database = new Database(file);
    expect(database.pragma('integrity_check')).toEqual([{ integrity_check: 'ok' }]);
    database.close();
  });

  withPostgresServer(() => {
    test('in PostgreSQL', { timeout: 60_000 }, async () => {
      const server = await startPostgres();
      onTestFinished(() => server.close());
      await outliveKills(await server.createDatabase('killed'));
    });
  });
});
