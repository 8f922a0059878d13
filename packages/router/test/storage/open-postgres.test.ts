import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { migrate } from '../../src/storage/migrate.ts';
import { MIGRATIONS } from '../../src/storage/migrations.ts';
import { openStore } from '../../src/storage/open-store.ts';
import { openPostgres } from '../../src/storage/postgres/open-postgres.ts';
import type { Store } from '../../src/storage/store.ts';
import { selfSigned } from '../self-signed.ts';
import { STORAGE_KEY, testFolder } from './folder.ts';
import { POSTGRES_PASSWORD, type PostgresServer, startPostgres, withPostgresServer } from './postgres-server.ts';
import { describeStore } from './store-contract.ts';
import { storedKey, usageBatch, usageRow } from './stored.ts';

const NO_PATIENCE = { password: null, waitMs: 0 };

withPostgresServer(() => {
  let server: PostgresServer;
  let databases = 0;
  const certificate = selfSigned();
  const freshDatabase = (): Promise<string> => server.createDatabase(`fresh_${databases++}`);
  const opened = async (url: string): Promise<Store> => {
    const store = await openStore(url, STORAGE_KEY);
    onTestFinished(() => store.close());
    return store;
  };
  /** @returns the refusal's message, which repeats nothing of the address */
  const refusal = async (url: string, password: string | null = null): Promise<string> => {
    const error: unknown = await openStore(url, STORAGE_KEY, { password }).then(
      (store) => store.close(),
      (thrown: unknown) => thrown,
    );
    expect(error).toMatchObject({ name: 'ConfigurationError', code: 'invalid_config' });
    const message = String((error as Error).message);
    expect(message).toMatch(/^storage: /);
    for (const hidden of [POSTGRES_PASSWORD, 'wrong-word', '@', '127.0.0.1']) expect(message).not.toContain(hidden);
    return message;
  };

  beforeAll(async () => {
    const tls = { ssl: 'on', ssl_cert_file: 'cert.pem', ssl_key_file: 'key.pem' };
    server = await (certificate === null
      ? startPostgres()
      : startPostgres(tls, { 'cert.pem': certificate.certPem, 'key.pem': certificate.keyPem }));
  });
  afterAll(() => server.close());

  describeStore('postgres:', async () => openStore(await freshDatabase(), STORAGE_KEY));

  describe('a PostgreSQL database', () => {
    test('keeps what it was given, for the next router too', async () => {
      const url = await freshDatabase();
      const first = await openStore(url, STORAGE_KEY);
      const key = storedKey('a');
      await first.keys.insert([key]);
      await first.close();
      const second = await opened(url);
      expect(second).toMatchObject({ kind: 'postgres', lasting: true });
      expect(await second.keys.list()).toEqual([key]);
    });

    test('is shared by routers that write at once', async () => {
      const url = await freshDatabase();
      const stores = await Promise.all(Array.from({ length: 3 }, () => opened(url)));
      await Promise.all(
        stores.flatMap(({ usage }) => Array.from({ length: 50 }, () => usage.add(usageBatch([usageRow()])))),
      );
      expect(await stores[0]?.usage.list({ limit: 2 })).toMatchObject([{ requests: 150, costNanoUsd: 185_185_050 }]);
    });

    test('tells its administrator whose connections these are, and what they may take', async () => {
      const url = await freshDatabase();
      await opened(url);
      const told = await server.sql(
        `select distinct application_name from pg_stat_activity where datname = '${url.split('/').at(-1)}'`,
      );
      expect(told).toBe('sotto');
    });

    test('refuses a count beyond what is counted exactly, and goes on', async () => {
      const url = await freshDatabase();
      const { usage } = await opened(url);
      await usage.add(usageBatch([usageRow()]));
      const name = url.split('/').at(-1) ?? '';
      await server.sql('update usage set requests = 9007199254740993', name);
      await expect(usage.list({ limit: 1 })).rejects.toMatchObject({ code: 'store_unavailable' });
      await server.sql('update usage set requests = 2', name);
      expect(await usage.list({ limit: 1 })).toMatchObject([{ requests: 2 }]);
    });

    test('once its tables are made, needs no right to make any', async () => {
      const url = await freshDatabase();
      const name = url.split('/').at(-1) ?? '';
      await (await openStore(url, STORAGE_KEY)).close();
      await server.sql(`create role writer_${name} login password '${POSTGRES_PASSWORD}'`);
      await server.sql(`grant select, insert, update, delete on all tables in schema public to writer_${name}`, name);
      const { keys, usage } = await opened(server.urlOf(name, `writer_${name}:${POSTGRES_PASSWORD}`));
      const key = storedKey('a');
      await keys.insert([key]);
      expect(await keys.update(key.id, { revokedAtMs: 1 })).toMatchObject({ revokedAtMs: 1 });
      await usage.add(usageBatch([usageRow()]));
    });

    test('opens with the password beside the URL', async () => {
      const url = await freshDatabase();
      const store = await openStore(url.replace(`:${POSTGRES_PASSWORD}`, ''), STORAGE_KEY, {
        password: POSTGRES_PASSWORD,
      });
      await store.ping();
      await store.close();
    });
  });

  describe('a PostgreSQL database does not open', () => {
    test('with a wrong password, or none', async () => {
      const url = await freshDatabase();
      expect(await refusal(url.replace(POSTGRES_PASSWORD, 'wrong-word'))).toMatch(/user name and password/);
      expect(await refusal(url, 'wrong-word')).toMatch(/user name and password/);
      expect(await refusal(url.replace(`:${POSTGRES_PASSWORD}`, ''))).toMatch(/storagePassword/);
      expect(await refusal(server.urlOf('postgres', 'nobody:wrong-word'))).toMatch(/user name and password/);
    });

    test('where there is none of this name', async () => {
      expect(await refusal(server.urlOf('missing'))).toMatch(/no database of this name/);
    });

    test('where no server is', async () => {
      const port = await closedPort();
      expect(await refusal(`postgres://me:wrong-word@127.0.0.1:${port}/d`)).toMatch(/cannot be reached/);
      expect(await refusal(`postgres:///d?user=me&host=${testFolder()}`)).toMatch(/cannot be reached/);
    });

    test('where something else answers', async () => {
      const other = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      onTestFinished(() => void other.close());
      const address = other.address();
      const port = typeof address === 'object' ? address?.port : 0;
      expect(await refusal(`postgres://me:wrong-word@127.0.0.1:${port}/d`)).toMatch(/cannot be/);
    });

    test('for a user who may only read', async () => {
      const url = await freshDatabase();
      const name = url.split('/').at(-1) ?? '';
      await server.sql(`create role reader_${name} login password '${POSTGRES_PASSWORD}'`);
      const asReader = server.urlOf(name, `reader_${name}:${POSTGRES_PASSWORD}`);
      expect(await refusal(asReader)).toMatch(/may not make or write/);
      await (await openStore(url, STORAGE_KEY)).close();
      await server.sql(`grant select on all tables in schema public to reader_${name}`, name);
      expect(await refusal(asReader)).toMatch(/may not make or write/);
      await server.sql(`alter role reader_${name} set default_transaction_read_only = on`);
      expect(await refusal(asReader)).toMatch(/may not make or write|takes no writes/);
    });

    test('that takes no writes', async () => {
      const url = await freshDatabase();
      await server.sql(`alter database "${url.split('/').at(-1)}" set default_transaction_read_only = on`);
      expect(await refusal(url)).toMatch(/takes no writes/);
    });

    test('of another program, and is left as it is', async () => {
      const url = await freshDatabase();
      const name = url.split('/').at(-1) ?? '';
      await server.sql('create table users (id int)', name);
      expect(await refusal(url)).toMatch(/another program/);
      expect(
        await server.sql("select string_agg(tablename, ',') from pg_tables where schemaname = 'public'", name),
      ).toBe('users');
    });

    test('under another storage key', async () => {
      const url = await freshDatabase();
      await (await openStore(url, STORAGE_KEY)).close();
      const other = openStore(url, new Uint8Array(32).fill(8));
      await expect(other).rejects.toMatchObject({ code: 'invalid_config' });
      await expect(other).rejects.toThrow(/^storageKey:/);
    });

    test('after a later version', async () => {
      const url = await freshDatabase();
      const database = await openPostgres(url, NO_PATIENCE);
      await migrate(database, [...MIGRATIONS, { name: 'later', up: async () => {} }]);
      await database.queries.destroy();
      expect(await refusal(url)).toMatch(/later version/);
    });
  });

  describe('a migration in PostgreSQL', () => {
    const isolations = ['read committed', 'serializable'];
    test.each(isolations)('runs once where many routers start at once on an empty database, %s', async (isolation) => {
      const url = await freshDatabase();
      const database = url.split('/').at(-1) ?? '';
      await server.sql(`alter database "${database}" set default_transaction_isolation = '${isolation}'`);
      const stores = await Promise.all(Array.from({ length: 6 }, () => opened(url)));
      await Promise.all(stores.map((store) => store.ping()));
      const name = url.split('/').at(-1) ?? '';
      expect(await server.sql('select count(*) from sotto_migrations', name)).toBe(String(MIGRATIONS.length));
      let runs = 0;
      const counted = { name: 'counted', up: async (): Promise<void> => void runs++ };
      const databases = await Promise.all(Array.from({ length: 4 }, () => openPostgres(url, NO_PATIENCE)));
      await Promise.all(databases.map((database) => migrate(database, [...MIGRATIONS, counted])));
      await Promise.all(databases.map(({ queries }) => queries.destroy()));
      expect(runs).toBe(1);
    });

    test('that fails leaves the database as it was', async () => {
      const url = await freshDatabase();
      const database = await openPostgres(url, NO_PATIENCE);
      onTestFinished(() => database.queries.destroy());
      const broken = {
        name: 'broken',
        up: async (queries: typeof database.queries): Promise<void> => {
          await queries.schema.createTable('half').addColumn('id', 'text').execute();
          throw new Error('broken');
        },
      };
      await expect(migrate(database, [...MIGRATIONS, broken])).rejects.toThrow('broken');
      expect(await database.tables(database.queries)).not.toContain('half');
      await migrate(database);
    });
  });

  describe('over TLS', () => {
    test('the certificate is checked as sslmode says', async () => {
      if (certificate === null) {
        process.stdout.write('skipped: there is no openssl to make a certificate with\n');
        return;
      }
      const url = await freshDatabase();
      const root = join(testFolder(), 'root.pem');
      writeFileSync(root, certificate.certPem);
      for (const mode of ['disable', 'require', `require&sslrootcert=${root}`, `verify-ca&sslrootcert=${root}`]) {
        const store = await openStore(`${url}?sslmode=${mode}`, STORAGE_KEY);
        await store.ping();
        const encrypted = await server.sql(
          `select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid) where datname = '${url.split('/').at(-1)}'`,
        );
        expect(encrypted, mode).toBe(mode === 'disable' ? 'f' : 't');
        await store.close();
      }
      // Its name is model.test, and nobody that Node trusts has signed it.
      expect(await refusal(`${url}?sslmode=verify-full&sslrootcert=${root}`)).toMatch(/certificate/);
      expect(await refusal(`${url}?sslmode=verify-ca`)).toMatch(/certificate/);
      expect(await refusal(`${url}?sslmode=verify-full`)).toMatch(/certificate/);
      expect(await refusal(`${url}?sslmode=verify-full&sslrootcert=/nowhere/root.pem`)).toMatch(/cannot be read/);
    });
  });
});

function closedPort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
