import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'libsql';
import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../src/storage/open-store.ts';
import { withDatabase } from '../../src/storage/sql-database.ts';
import { describeStoreFault } from '../../src/storage/store-fault.ts';
import { UsageLedger } from '../../src/usage/usage-ledger.ts';
import { STORAGE_KEY } from './folder.ts';
import { conversation, storedKey } from './stored.ts';

/** Runs a test on a small file system of its own; where this user may mount none, says so. */
async function onSmallDisk(mode: 'rw' | 'ro', body: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-'));
  const isMounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=1m,${mode}`, 'tmpfs', folder]).status === 0;
  try {
    if (isMounted) await body(folder);
    else process.stdout.write('skipped: a file system of its own cannot be mounted here\n');
  } finally {
    // Lazily: libsql lets go of a file when its statements are collected.
    if (isMounted) spawnSync('umount', ['--lazy', folder]);
    rmSync(folder, { recursive: true });
  }
}

/** Leaves less on the disk than the next write needs. @returns the file that takes the room */
function fill(folder: string): string {
  const file = join(folder, 'filler');
  for (let bytes = 1_000_000; bytes > 0; bytes -= 4_096) {
    try {
      writeFileSync(file, Buffer.alloc(bytes));
      break;
    } catch {
      // Less, then.
    }
  }
  return file;
}

const fault = (write: Promise<unknown>): Promise<unknown> =>
  write.then(
    () => null,
    (error: unknown) => error,
  );

test('a full disk refuses writes with its reason, loses nothing, and takes them when there is room', () =>
  onSmallDisk('rw', async (folder) => {
    const store = await openStore(`sqlite:${join(folder, 'sotto.db')}`, STORAGE_KEY);
    try {
      const key = storedKey('before');
      await store.keys.insert([key]);
      const filler = fill(folder);
      const big = conversation('conv_1', { sealed: new Uint8Array(200_000) });
      const refused = await fault(store.conversations.save(big));
      expect(refused).toMatchObject({ code: 'store_unavailable', status: 503 });
      expect(describeStoreFault(refused)).toMatch(/^the disk/);
      expect(await store.keys.list()).toEqual([key]);
      const ledger = new UsageLedger(store.usage, { flushMs: 3_600_000 });
      for (let index = 0; index < 1_000; index++) {
        const model = `a-long-name-of-a-model-${index}`;
        ledger.record({ keyId: 'k', model, outcome: 'answered', tokens: null, costNanoUsd: 1 });
      }
      expect(await fault(ledger.flush())).toMatchObject({ code: 'store_unavailable' });
      expect(ledger.isFailing).toBe(true);
      rmSync(filler);
      await ledger.flush();
      expect(ledger.isFailing).toBe(false);
      const rows = await store.usage.list({ limit: 5_000 });
      expect(rows.map(({ requests }) => requests)).toEqual(Array.from({ length: 1_000 }, () => 1));
      expect(await store.keys.list()).toEqual([key]);
    } finally {
      await store.close();
    }
  }));

test('a router does not start on a disk that may only be read, and says why', () =>
  onSmallDisk('ro', async (folder) => {
    const storage = `sqlite:${join(folder, 'sotto.db')}`;
    const refused = await fault(openStore(storage, STORAGE_KEY));
    expect(refused).toMatchObject({ name: 'ConfigurationError', code: 'invalid_config' });
    expect(String(refused)).toMatch(/storage: .*cannot be opened for writing \(EROFS\)/);
  }));

test('a file that may not be written any more is told as that', async () => {
  const database = new Database(':memory:');
  onTestFinished(() => void database.close());
  database.exec('create table kept (id)');
  database.exec('pragma query_only = on');
  const write = (): Promise<void> => Promise.resolve().then(() => void database.exec('insert into kept values (1)'));
  expect(describeStoreFault(await fault(write()))).toBe('the file may not be written');
  expect(describeStoreFault(await fault(withDatabase(write)))).toBe('the file may not be written');
});
