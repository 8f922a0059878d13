import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../src/storage/open-store.ts';
import { STORAGE_KEY } from './folder.ts';
import { type PostgresServer, startPostgres, withPostgresServer } from './postgres-server.ts';
import { describeStore } from './store-contract.ts';

withPostgresServer(() => {
  let server: PostgresServer;
  let databases = 0;
  const freshDatabase = (): Promise<string> => server.createDatabase(`fresh_${databases++}`);

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.close());

  describeStore('postgres:', async () => openStore(await freshDatabase(), STORAGE_KEY));
});
