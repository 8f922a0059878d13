import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { SecureChatCompletion } from '@sotto/client';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import {
  chatInput,
  codeOf,
  open,
  outerRequest,
  recipientOf,
  seal,
} from '../packages/router/test/gateways/ohttp/sealing-client.ts';
import { sealFor } from '../packages/router/test/nomyo-client.ts';
import { type RedisServer, startRedisServer, withRedisServer } from '../packages/router/test/redis-server.ts';
import { type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import {
  type PostgresServer,
  startPostgres,
  withPostgresServer,
} from '../packages/router/test/storage/postgres-server.ts';
import { ADMIN_KEY, sendTo } from './kept-router.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type RunningRouter, startConfigured } from './sotto.ts';
import { startTcpBalancer, type TcpBalancer } from './tcp-balancer.ts';

const QUESTION = { model: 'm', messages: [{ role: 'user', content: 'hello' }] };
const KEYS = { free: 'sotto_free_e2e', few: 'sotto_few_e2e', saver: 'sotto_saver_e2e' };
const folder = scratchFolder();
const secrets = { storageKey: randomBytes(32).toString('base64'), cluster: randomBytes(32).toString('base64') };
let redis: RedisServer;
let postgres: PostgresServer;
let upstream: StandInUpstream;
/** The first is one process, the second a primary and two workers. */
let routers: readonly [RunningRouter, RunningRouter];
let balancer: TcpBalancer;

async function startAll(): Promise<void> {
  [redis, postgres, upstream] = await Promise.all([startRedisServer(), startPostgres(), startStandIn(['m'])]);
  const config = {
    listen: '127.0.0.1:0',
    storage: await postgres.createDatabase('sotto'),
    storageKey: { key: secrets.storageKey },
    redis: redis.url,
    cluster: { secret: { key: secrets.cluster } },
    nomyoV1: { keyFile: inject('routerKey') },
    admin: { key: ADMIN_KEY },
    keys: [
      { name: 'free', key: KEYS.free },
      { name: 'few', key: KEYS.few, limits: { requestsPerMinute: 6 } },
      { name: 'saver', key: KEYS.saver, budget: { usd: 3.5, period: 'total' } },
    ],
    models: { m: { price: { inputPerMillion: 0, outputPerMillion: 0, requestUsd: 1 } } },
    upstreams: [{ name: 'model', baseUrl: upstream.baseUrl, models: ['m'], probe: false }],
  };
  // At the same moment: both bring the database up to date, and one makes the keys.
  routers = await Promise.all([
    startConfigured(join(folder, 'one.json'), config),
    startConfigured(join(folder, 'other.json'), config, { args: ['--workers', '2'] }),
  ]);
  balancer = await startTcpBalancer(routers.map(({ url }) => url));
}

/** Asks through the balancer, on a connection of its own. */
async function ask(key: string): Promise<number> {
  const answer = await request(`${balancer.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(QUESTION),
    reset: true,
  });
  await answer.body.dump();
  return answer.statusCode;
}

const fetchAt =
  ({ url }: { readonly url: string }) =>
  (asked: Request): Promise<Response> =>
    fetch(new Request(url + new URL(asked.url).pathname, asked));

async function until(holds: () => Promise<boolean>): Promise<number> {
  const begun = performance.now();
  while (!(await holds())) {
    if (performance.now() - begun > 10_000) throw new Error('waited in vain');
  }
  return performance.now() - begun;
}

withRedisServer(() =>
  withPostgresServer(() => {
    describe('two routers behind a TCP balancer, over one PostgreSQL and one Redis', () => {
      beforeAll(startAll);
      afterAll(async () => {
        await balancer.close();
        await upstream.close();
        await Promise.all(routers.map((router) => router.stop('SIGKILL')));
        await Promise.all([redis.kill(), postgres.close()]);
      });

      test('let through as many requests as a limit says, all together', async () => {
        const statuses = await Promise.all(Array.from({ length: 24 }, () => ask(KEYS.few)));
        expect(statuses.filter((status) => status === 200)).toHaveLength(6);
        expect(statuses.filter((status) => status === 429)).toHaveLength(18);
        expect(balancer.taken.every((count) => count > 6)).toBe(true);
      });

      test('spend one budget', async () => {
        const statuses = [];
        for (let asked = 0; asked < 6; asked++) statuses.push(await ask(KEYS.saver));
        expect(statuses).toEqual([200, 200, 200, 402, 402, 402]);
      });

      test('refuse within a second a key that was revoked at the other', async () => {
        const [one, other] = routers;
        const made = await sendTo(one, 'POST /admin/v1/keys', { body: { name: 'short-lived' } });
        const key = String(made.json['key']);
        // Four at once: each worker of the other router is asked.
        const everywhere = async (status: number): Promise<boolean> => {
          const answers = await Promise.all([1, 2, 3, 4].map(() => sendTo(other, 'GET /v1/models', { key })));
          return answers.every((answer) => answer.status === status);
        };
        await until(() => everywhere(200));
        const { status } = await sendTo(one, `POST /admin/v1/keys/${String(made.json['id'])}/revoke`);
        expect(status).toBe(200);
        expect(await until(() => everywhere(401))).toBeLessThan(1_000);
      });

      test('have the same keys, and open what was sealed to the other, once among them', async () => {
        const [one, other] = routers;
        const statement = async (router: RunningRouter): Promise<string> =>
          (await sendTo(router, 'GET /pki/keys')).text;
        expect(await statement(other)).toBe(await statement(one));
        const headers: [string, string][] = [['authorization', `Bearer ${KEYS.free}`]];
        const sealed = await seal(await recipientOf(fetchAt(one)), chatInput({}, headers));
        expect((await open(sealed, await fetchAt(other)(outerRequest(sealed.body)))).status).toBe(200);
        for (const router of [one, other]) {
          const again = await open(sealed, await fetchAt(router)(outerRequest(sealed.body)));
          expect([again.status, codeOf(again)]).toEqual([400, 'replayed_request']);
        }
      });

      test('answer a nomyo-v1 request once, wherever it comes to', async () => {
        const [one, other] = routers;
        const { body, headers } = await sealFor(one.url, QUESTION);
        const sent = { method: 'POST' as const, body, headers: { ...headers, authorization: `Bearer ${KEYS.free}` } };
        const statuses = [];
        for (const { url } of [other, one, other, other]) {
          const answer = await request(`${url}/v1/chat/secure_completion`, { ...sent, reset: true });
          statuses.push(answer.statusCode);
          await answer.body.dump();
        }
        expect(statuses).toEqual([200, 400, 400, 400]);
      });

      test('lose no request when one is killed under load', async () => {
        const client = new SecureChatCompletion({ baseURL: balancer.url, allowHttp: true, apiKey: KEYS.free });
        let answered = 0;
        const worker = async (): Promise<void> => {
          for (let asked = 0; asked < 15; asked++) {
            const answer = await client.create({ ...QUESTION, stream: false });
            expect(answer.choices).toHaveLength(1);
            answered++;
            if (answered === 40) process.kill(routers[0].pid, 'SIGKILL');
          }
        };
        await Promise.all(Array.from({ length: 8 }, worker));
        expect(answered).toBe(120);
        expect(await routers[0].stop('SIGKILL')).toBeNull();
      });
    });
  }),
);
