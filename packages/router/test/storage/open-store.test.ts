import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'libsql';
import { describe, expect, onTestFinished, test } from 'vitest';
import { migrate } from '../../src/storage/migrate.ts';
import { MIGRATIONS } from '../../src/storage/migrations.ts';
import { isLasting, openStore } from '../../src/storage/open-store.ts';
import { openSqlite } from '../../src/storage/sqlite/open-sqlite.ts';
import type { Store } from '../../src/storage/store.ts';
import { eventually } from '../eventually.ts';
import { STORAGE_KEY, testFolder } from './folder.ts';
import { describeStore } from './store-contract.ts';
import { conversation, storedKey, usageBatch, usageRow } from './stored.ts';

describeStore('memory:', () => openStore('memory:', STORAGE_KEY));
describeStore('sqlite:', () => openStore(`sqlite:${join(testFolder(), 'sotto.db')}`, STORAGE_KEY));

const opened = async (file: string, storageKey = STORAGE_KEY): Promise<Store> => {
  const store = await openStore(`sqlite:${file}`, storageKey);
  onTestFinished(() => store.close());
  return store;
};
const invalid = { name: 'ConfigurationError', code: 'invalid_config' };

describe('a database file', () => {
  test('is for its user alone, as are the files beside it', async () => {
    const file = join(testFolder(), 'sotto.db');
    await (await opened(file)).keys.insert([storedKey('a')]);
    for (const suffix of ['', '-wal', '-shm']) expect(statSync(file + suffix).mode & 0o777).toBe(0o600);
  });

  test('keeps what it was given', async () => {
    const file = join(testFolder(), 'sotto.db');
    const first = await openStore(`sqlite:${file}`, STORAGE_KEY);
    const key = storedKey('a');
    await first.keys.insert([key]);
    await first.close();
    const second = await opened(file);
    expect(second).toMatchObject({ kind: 'sqlite', lasting: true });
    expect(await second.keys.list()).toEqual([key]);
  });

  test('has each transaction on the disk before it says so, and deletes for good', async () => {
    const { queries } = await openSqlite(join(testFolder(), 'sotto.db'));
    onTestFinished(() => queries.destroy());
    const ask = async (pragma: string): Promise<unknown> => {
      const { rows } = await queries.executeQuery({
        sql: `PRAGMA ${pragma}`,
        parameters: [],
        query: { kind: 'RawNode', sqlFragments: [], parameters: [] },
        queryId: { queryId: 'test' },
      });
      return rows[0];
    };
    expect(await ask('journal_mode')).toEqual({ journal_mode: 'wal' });
    expect(await ask('synchronous')).toEqual({ synchronous: 2 });
    expect(await ask('foreign_keys')).toEqual({ foreign_keys: 1 });
    expect(await ask('secure_delete')).toEqual({ secure_delete: 1 });
  });

  test('holds no byte of a conversation that was deleted', async () => {
    const folder = testFolder();
    const file = join(folder, 'sotto.db');
    const store = await openStore(`sqlite:${file}`, STORAGE_KEY);
    const sealed = Buffer.from('canary-of-a-sealed-conversation'.repeat(500));
    await store.conversations.save(conversation('conv_1', { sealed }));
    await store.conversations.delete('conv_1');
    await store.close();
    expect(statSync(file).size).toBeGreaterThan(20_000);
    expect(readdirSync(folder).some((name) => readFileSync(join(folder, name)).includes('canary-of'))).toBe(false);
  });

  test('may be shared by stores that write at once', async () => {
    const file = join(testFolder(), 'sotto.db');
    const stores = await Promise.all(Array.from({ length: 4 }, () => opened(file)));
    await Promise.all(
      stores.flatMap(({ usage }) => Array.from({ length: 50 }, () => usage.add(usageBatch([usageRow()])))),
    );
    expect(await stores[0]?.usage.list({ limit: 2 })).toMatchObject([{ requests: 200, costNanoUsd: 246_913_400 }]);
  });

  test('that another program locks is waited for', async () => {
    const file = join(testFolder(), 'sotto.db');
    const store = await opened(file);
    const other = new Database(file);
    onTestFinished(() => void other.close());
    other.exec('begin immediate');
    let settled = false;
    const writing = store.usage.add(usageBatch([usageRow()])).then(() => {
      settled = true;
    });
    await new Promise(setImmediate);
    expect(settled).toBe(false);
    other.exec('commit');
    await writing;
    expect(await store.usage.list({ limit: 1 })).toHaveLength(1);
  });

  test('that stays locked is away, and back when the lock is gone', { timeout: 20_000 }, async () => {
    const file = join(testFolder(), 'sotto.db');
    const store = await opened(file);
    const other = new Database(file);
    onTestFinished(() => void other.close());
    other.exec('begin immediate');
    await Promise.all([
      expect(store.usage.add(usageBatch([usageRow()]))).rejects.toMatchObject({ code: 'store_unavailable' }),
      expect(openStore(`sqlite:${file}`, STORAGE_KEY)).rejects.toMatchObject(invalid),
      store.ping(),
    ]);
    other.exec('rollback');
    await store.usage.add(usageBatch([usageRow()]));
    expect(await store.usage.list({ limit: 1 })).toMatchObject([{ requests: 1 }]);
  });
});

describe('a store does not open', () => {
  test.each(['postgres://localhost/sotto', 'sqlite:', 'mysql:x', ''])('at %j', async (storage) => {
    await expect(openStore(storage, STORAGE_KEY)).rejects.toMatchObject(invalid);
  });

  test('in a folder that is not there', async () => {
    const file = join(testFolder(), 'none', 'sotto.db');
    await expect(openStore(`sqlite:${file}`, STORAGE_KEY)).rejects.toMatchObject(invalid);
  });

  test('where a folder is', async () => {
    await expect(openStore(`sqlite:${testFolder()}`, STORAGE_KEY)).rejects.toMatchObject(invalid);
  });

  test('in what is no database, and leaves it as it is', async () => {
    const file = join(testFolder(), 'letter.txt');
    writeFileSync(file, 'Dear reader, '.repeat(1_000));
    await expect(openStore(`sqlite:${file}`, STORAGE_KEY)).rejects.toMatchObject(invalid);
    expect(readFileSync(file, 'utf8')).toBe('Dear reader, '.repeat(1_000));
  });

  test('in a database of another program', async () => {
    const file = join(testFolder(), 'other.db');
    const other = new Database(file);
    other.exec('create table users (id integer primary key)');
    other.close();
    await expect(openStore(`sqlite:${file}`, STORAGE_KEY)).rejects.toMatchObject(invalid);
  });

  test('in a damaged database', async () => {
    const file = join(testFolder(), 'sotto.db');
    await (await openStore(`sqlite:${file}`, STORAGE_KEY)).close();
    const bytes = readFileSync(file);
    writeFileSync(file, bytes.fill(0xff, 100, 8_192));
    await expect(openStore(`sqlite:${file}`, STORAGE_KEY)).rejects.toMatchObject(invalid);
  });

  test('under another storage key', async () => {
    const file = join(testFolder(), 'sotto.db');
    await (await openStore(`sqlite:${file}`, STORAGE_KEY)).close();
    const other = openStore(`sqlite:${file}`, new Uint8Array(32).fill(8));
    await expect(other).rejects.toMatchObject(invalid);
    await expect(other).rejects.toThrow(/^storageKey:/);
    await opened(file);
  });

  test('after a later version', async () => {
    const file = join(testFolder(), 'sotto.db');
    const database = await openSqlite(file);
    await migrate(database, [...MIGRATIONS, { name: 'later', up: async () => {} }]);
    await database.queries.destroy();
    await expect(openStore(`sqlite:${file}`, STORAGE_KEY)).rejects.toThrow(/later version/);
  });
});

describe('a migration', () => {
  test('that fails leaves the database as it was', async () => {
    const database = await openSqlite(join(testFolder(), 'sotto.db'));
    onTestFinished(() => database.queries.destroy());
    const broken = {
      name: 'broken',
      up: async (queries: typeof database.queries): Promise<void> => {
        await queries.schema.createTable('half').addColumn('id', 'text').execute();
        throw new Error('broken');
      },
    };
    await expect(migrate(database, [...MIGRATIONS, broken])).rejects.toThrow('broken');
    const tables = (await database.queries.introspection.getTables()).map(({ name }) => name);
    expect(tables).toContain('virtual_keys');
    expect(tables).not.toContain('half');
    await migrate(database);
  });

  test('runs once where several routers start at once', async () => {
    const file = join(testFolder(), 'sotto.db');
    let runs = 0;
    const counted = { name: 'counted', up: async (): Promise<void> => void runs++ };
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const database = await openSqlite(file);
        await migrate(database, [...MIGRATIONS, counted]);
        await database.queries.destroy();
      }),
    );
    expect(runs).toBe(1);
  });
});

test('only memory ends with the process', async () => {
  expect(isLasting('memory:')).toBe(false);
  expect(isLasting('sqlite:./sotto.db')).toBe(true);
  const store = await openStore('memory:', STORAGE_KEY);
  expect(store).toMatchObject({ kind: 'sqlite', lasting: false });
  await store.close();
  await eventually('the store is closed', () =>
    store.ping().then(
      () => false,
      () => true,
    ),
  );
});
