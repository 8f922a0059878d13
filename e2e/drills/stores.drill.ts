import { afterAll, beforeAll, expect } from 'vitest';
import { type RedisServer, startRedisServer } from '../../packages/router/test/redis-server.ts';
import { type PostgresServer, startPostgres } from '../../packages/router/test/storage/postgres-server.ts';
import { ADMIN_KEY, sendTo } from '../kept-router.ts';
import { scratchFolder } from '../scratch-folder.ts';
import { type RunningRouter, startConfigured } from '../sotto.ts';
import { ask, type Ending, quantile, tally } from './ask.ts';
import { drill, type Note } from './drill.ts';
import type { LoopbackServer } from './loopback-server.ts';
import { readMetrics, total } from './metrics.ts';
import { startTokenServer } from './token-server.ts';

const KEY = 'sotto_key_of_the_stores';
const LIMITED_KEY = 'sotto_limited_key_of_the_stores';
const LIMIT = 20;
const REQUESTS = 100;
/** What a probe of a balancer allows, and then some. */
const READY_WITHIN_MS = 2_000;
const folder = scratchFolder();

let postgres: PostgresServer;
let redis: RedisServer;
let model: LoopbackServer;
let router: RunningRouter;
let answered = 0;

beforeAll(async () => {
  [postgres, redis, model] = await Promise.all([
    startPostgres(),
    startRedisServer(),
    startTokenServer({ tokens: 4, everyMs: 1 }),
  ]);
  router = await startConfigured(`${folder}/stores.json`, {
    listen: '127.0.0.1:0',
    protocols: ['clear'],
    storage: await postgres.createDatabase('stores'),
    storageKey: { key: Buffer.alloc(32, 8).toString('base64') },
    redis: redis.url,
    admin: { key: ADMIN_KEY },
    keys: [
      { name: 'stores', key: KEY },
      { name: 'limited', key: LIMITED_KEY, limits: { requestsPerMinute: LIMIT } },
    ],
    upstreams: [{ name: 'model', baseUrl: model.baseUrl, models: ['m'], probe: false }],
  });
});

afterAll(async () => {
  await router.stop();
  await Promise.all([model.close(), postgres.close(), redis.kill()]);
});

async function askAll(): Promise<readonly Ending[]> {
  const endings = await Promise.all(
    Array.from({ length: REQUESTS }, () => ask({ url: router.url, model: 'm', key: KEY })),
  );
  answered += endings.filter(({ kind }) => kind === 'answered').length;
  return endings;
}

const askLimited = (): Promise<readonly Ending[]> =>
  Promise.all(Array.from({ length: 2 * LIMIT }, () => ask({ url: router.url, model: 'm', key: LIMITED_KEY })));

async function readiness(): Promise<{ readonly status: number; readonly ms: number; readonly text: string }> {
  const began = performance.now();
  const { status, text } = await sendTo(router, 'GET /health/ready');
  return { status, text, ms: performance.now() - began };
}

/** What must hold in any case: all are answered, and the router says that it goes on from memory. */
async function expectToGoOn(note: Note, how: string, part: 'store' | 'redis'): Promise<void> {
  const endings = await askAll();
  note(
    `${how}: requests`,
    `${tally(endings)}, p99 ${quantile(
      endings.map(({ ms }) => ms),
      0.99,
    ).toFixed(0)} ms`,
  );
  expect(tally(endings)).toBe(`${REQUESTS} answered`);
  await expect.poll(async () => (await readiness()).text, { timeout: 15_000 }).toContain(`"${part}":"unavailable"`);
  const { status, ms } = await readiness();
  note(`${how}: /health/ready`, `${status} in ${ms.toFixed(0)} ms`);
  expect(status).toBe(200);
  expect(ms).toBeLessThan(READY_WITHIN_MS);
  expect(total(await readMetrics(router.url), `sotto_${part}_up`)).toBe(0);
}

async function expectBack(note: Note, how: string, part: 'store' | 'redis'): Promise<void> {
  const began = performance.now();
  await expect.poll(async () => (await readiness()).text, { timeout: 20_000 }).toContain(`"${part}":"ok"`);
  note(`${how}: back in use after`, `${((performance.now() - began) / 1_000).toFixed(1)} s`);
}

drill(
  'Redis is killed, comes back, hangs, and goes on',
  'every request is answered meanwhile; limits are held all the same; the router says so and takes Redis into use again by itself',
  async (note) => {
    await redis.kill();
    await expectToGoOn(note, 'killed', 'redis');
    const limited = await askLimited();
    note('killed: a limit of 20 a minute, asked 40 times', tally(limited));
    expect(limited.filter(({ kind }) => kind === 'answered')).toHaveLength(LIMIT);
    await redis.start();
    await expectBack(note, 'killed', 'redis');
    redis.freeze();
    await expectToGoOn(note, 'hanging', 'redis');
    redis.thaw();
    await expectBack(note, 'hanging', 'redis');
  },
);

drill(
  'Postgres is killed, comes back, hangs, and goes on',
  'every request is answered meanwhile; what cannot be stored is refused by name; the usage of all that was answered is there in the end, each request once',
  async (note) => {
    await postgres.kill();
    await expectToGoOn(note, 'killed', 'store');
    const refused = await sendTo(router, 'POST /admin/v1/keys', { body: { name: 'not now' } });
    note('killed: making a key', `${refused.status} ${/"code":"([a-z_]+)"/.exec(refused.text)?.[1] ?? ''}`);
    expect(refused.status).toBe(503);
    expect(refused.text).toContain('"code":"store_unavailable"');
    await postgres.start();
    await expectBack(note, 'killed', 'store');
    expect((await sendTo(router, 'POST /admin/v1/keys', { body: { name: 'now' } })).status).toBe(201);
    postgres.freeze();
    await expectToGoOn(note, 'hanging', 'store');
    postgres.thaw();
    await expectBack(note, 'hanging', 'store');

    const stored = async (): Promise<number> =>
      Number(
        await postgres.sql("select coalesce(sum(requests), 0) from usage where key_id = 'config:stores'", 'stores'),
      );
    await expect.poll(stored, { timeout: 70_000, interval: 500 }).toBe(answered);
    note('requests answered, and found in the database', `${answered}, ${await stored()}`);
  },
);
