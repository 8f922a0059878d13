import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createSecureFetch } from '@sotto/client';
import { Agent, fetch as undiciFetch } from 'undici';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { type RedisServer, startRedisServer, withRedisServer } from '../packages/router/test/redis-server.ts';
import { type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import {
  POSTGRES_PASSWORD,
  type PostgresServer,
  startPostgres,
  withPostgresServer,
} from '../packages/router/test/storage/postgres-server.ts';
import { freePort } from './free-port.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type RunningRouter, startSotto } from './sotto.ts';
import { changedExample, type RunningProgram, startListening } from './started-program.ts';
import { withProgram } from './with-program.ts';

const compose = fileURLToPath(new URL('../deploy/compose/', import.meta.url));
const CHAT = '/v1/chat/completions';

withProgram(['haproxy', '-v'], 'what deploy/compose runs, without the containers', () =>
  withPostgresServer(() => withRedisServer(() => topology())),
);

/** The files of the example, with the addresses of this machine in them, and nothing else changed. */
function topology(): void {
  const folder = scratchFolder();
  const secrets = join(folder, 'secrets');
  const apiKey = randomBytes(32).toString('base64');
  const adminKey = randomBytes(32).toString('base64');
  let postgres: PostgresServer;
  let redis: RedisServer;
  let model: StandInUpstream;
  let routers: RunningRouter[];
  let balancer: RunningProgram;
  let origin: string;

  beforeAll(async () => {
    mkdirSync(secrets);
    const random = (): string => randomBytes(32).toString('base64');
    const texts = { 'api-key': apiKey, 'admin-key': adminKey, 'storage-key': random(), 'cluster-secret': random() };
    for (const [name, text] of Object.entries(texts)) writeFileSync(join(secrets, name), `${text}\n`);
    writeFileSync(join(secrets, 'postgres-password'), POSTGRES_PASSWORD);
    const { privateKey } = generateKeyPairSync('ed25519');
    writeFileSync(join(secrets, 'identity.pem'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
    copyFileSync(inject('routerKey'), join(secrets, 'nomyo-v1.pem'));
    [postgres, redis, model] = await Promise.all([startPostgres(), startRedisServer(), startStandIn(['m'])]);
    await postgres.createDatabase('sotto');
    routers = await Promise.all([startRouter('router-1'), startRouter('router-2')]);
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    const path = join(folder, 'haproxy.cfg');
    const text = changedExample(join(compose, 'haproxy.cfg'), [
      ['bind :12434', `bind 127.0.0.1:${port}`],
      // What it asks of this machine's limit of open files.
      ['maxconn 10000', 'maxconn 1000'],
      ['router-1:12434', new URL(routers[0]?.url ?? '').host],
      ['router-2:12434', new URL(routers[1]?.url ?? '').host],
    ]);
    writeFileSync(path, text);
    balancer = await startListening('haproxy', ['-db', '-f', path], port);
  });
  afterAll(async () => {
    await balancer?.stop();
    await model?.close();
    await Promise.all((routers ?? []).map((each) => each.stop()));
    await Promise.all([postgres?.close(), redis?.kill()]);
  });

  function startRouter(name: string): Promise<RunningRouter> {
    const text = changedExample(join(compose, 'sotto.config.yaml'), [
      ['listen: 0.0.0.0:12434', 'listen: 127.0.0.1:0'],
      ['sotto@postgres:5432/', `sotto@127.0.0.1:${postgres.port}/`],
      ['redis://redis:6379', redis.url],
      ['http://model:8000/v1', model.baseUrl],
      ['/run/secrets', secrets],
      // Nobody waits for the balancer when the tests are over.
      ['drainDelaySeconds: 3', 'drainDelaySeconds: 0'],
    ]);
    const path = join(folder, `${name}.yaml`);
    writeFileSync(path, text);
    return startSotto(['--config', path]);
  }

  function ask(send: typeof fetch, key: string, at = origin): Promise<Response> {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
    const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello' }] });
    return send(`${at}${CHAT}`, { method: 'POST', headers, body });
  }

  test('sealed requests are opened by whichever router they come to', async () => {
    for (let count = 0; count < 6; count++) {
      // A new client each time asks for the keys anew, and a new connection goes to the other router.
      const sealed = createSecureFetch({
        routerUrl: origin,
        allowHttp: true,
        fetch: fetchAnew,
      }) as unknown as typeof fetch;
      const answer = await ask(sealed, apiKey);
      expect(await answer.text()).toContain('echo: hello');
    }
    for (const name of ['router-1', 'router-2'])
      await expect.poll(() => balancer.output()).toContain(`routers/${name} `);
  });

  test('a key that is made through the balancer is let in by both routers', async () => {
    const made = await fetch(`${origin}/admin/v1/keys`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-admin-key': adminKey },
      body: '{"name":"app"}',
    });
    const { key } = (await made.json()) as { key: string };
    for (const { url } of routers) {
      await expect.poll(async () => (await ask(fetch, key, url)).status, { timeout: 5_000 }).toBe(200);
    }
    const rows = await postgres.sql("select string_agg(t::text, ' ') from virtual_keys t", 'sotto');
    expect(rows).toContain('app');
    expect(rows).not.toContain(key);
  });

  /** Keeps no connection, so that the next request may come to the other router. */
  const fetchAnew = ((input: string, init: object) => {
    return undiciFetch(input, { ...init, dispatcher: new Agent({ pipelining: 0 }) });
  }) as unknown as typeof fetch;
}
