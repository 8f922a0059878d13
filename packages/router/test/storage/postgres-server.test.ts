import { expect, onTestFinished, test } from 'vitest';
import { startPostgres, withPostgresServer } from './postgres-server.ts';

withPostgresServer(() => {
  test('a PostgreSQL server keeps what it acknowledged, however it ends', async () => {
    const server = await startPostgres();
    onTestFinished(() => server.close());
    await server.createDatabase('one');
    await server.sql('create table kept (id int); insert into kept values (7)', 'one');
    await server.kill();
    await expect(server.sql('select 1', 'one')).rejects.toThrow();
    await server.start();
    expect(await server.sql('select id from kept', 'one')).toBe('7');
    expect(await server.sql("select datcollate, daticulocale from pg_database where datname = 'one'")).toContain(
      'en-US',
    );
    server.freeze();
    const asked = server.sql('select 8', 'one');
    server.thaw();
    expect(await asked).toBe('8');
  });
});
