import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import {
  type PostgresServer,
  startPostgres,
  withPostgresServer,
} from '../packages/router/test/storage/postgres-server.ts';
import { sendTo, startKept } from './kept-router.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type RunningRouter, runSotto } from './sotto.ts';

const PASSWORD = 'right-word';
const question = { model: 'm', messages: [{ role: 'user', content: 'hello' }] };

withPostgresServer(() => {
  const folder = scratchFolder();
  let server: PostgresServer;
  let upstream: StandInUpstream;
  let storage: string;
  beforeAll(async () => {
    server = await startPostgres();
    upstream = await startStandIn(['m']);
    storage = (await server.createDatabase('kept')).replace(`:${PASSWORD}`, '');
    writeFileSync(`${folder}/db-password`, `${PASSWORD}\n`);
  });
  afterAll(async () => {
    await server.close();
    await upstream.close();
  });

  const start = (
    config: Readonly<Record<string, unknown>> = {},
    args: readonly string[] = [],
  ): Promise<RunningRouter> =>
    startKept({
      folder,
      baseUrl: upstream.baseUrl,
      models: ['m'],
      args,
      config: { storage, storagePassword: { keyFile: `${folder}/db-password` }, ...config },
    });

  test('routers that start at once on an empty database share it; one that is killed loses nothing that was kept', async () => {
    const [first, second] = await Promise.all([start(), start({}, ['--workers', '2'])]);
    const made = await sendTo(first, 'POST /admin/v1/keys', { body: { name: 'kept' } });
    expect(made.status).toBe(201);
    const key = String(made.json['key']);
    const asked = Array.from({ length: 10 }, () => sendTo(first, 'POST /v1/chat/completions', { key, body: question }));
    expect((await Promise.all(asked)).map(({ status }) => status)).toEqual(asked.map(() => 200));
    const isStored = async (): Promise<unknown> =>
      ((await sendTo(second, 'GET /admin/v1/usage')).json['totals'] as { requests?: number }).requests;
    await expect.poll(isStored, { timeout: 10_000 }).toBe(10);

    // In the middle of writing keys: what was answered is there, and no half of anything.
    const writes = Array.from({ length: 200 }, (_, index) =>
      sendTo(first, 'POST /admin/v1/keys', { body: { name: `key-${index}` } }).then(
        ({ status }) => (status === 201 ? `key-${index}` : null),
        () => null,
      ),
    );
    await Promise.race(writes);
    expect(await first.stop('SIGKILL')).toBeNull();
    const acknowledged = (await Promise.all(writes)).filter((name) => name !== null);
    expect(acknowledged.length).toBeGreaterThan(0);
    expect(acknowledged.length).toBeLessThan(writes.length);

    const third = await start();
    const answer = await sendTo(third, 'POST /v1/chat/completions', { key, body: question });
    expect(answer.status).toBe(200);
    const listed = await sendTo(third, 'GET /admin/v1/keys?limit=1000');
    const names = (listed.json['data'] as { name: string }[]).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining([...acknowledged, 'kept']));
    expect(new Set(names).size).toBe(names.length);
    expect(await third.stop()).toBe(0);
    expect(await isStored()).toBe(11);
    for (const router of [first, second, third]) expect(router.written()).not.toContain(PASSWORD);
    await second.stop();
  });

  test('a start with a wrong password ends with what is wrong, and repeats none of it', async () => {
    const config = {
      storage: storage.replace('@', ':wrong-word@'),
      storageKey: { key: Buffer.alloc(32, 9).toString('base64') },
      auth: 'open',
      upstreams: [{ name: 'model', baseUrl: upstream.baseUrl, models: ['m'] }],
    };
    writeFileSync(`${folder}/wrong.json`, JSON.stringify(config));
    const outcome = await runSotto(['serve', '--config', `${folder}/wrong.json`]);
    expect(outcome.code).toBeGreaterThan(0);
    expect(outcome.stderr).toContain('storage: ');
    expect(outcome.stdout + outcome.stderr).not.toContain('wrong-word');
  });
});
