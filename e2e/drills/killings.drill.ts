import { afterAll, beforeAll, expect } from 'vitest';
import { type RedisServer, startRedisServer } from '../../packages/router/test/redis-server.ts';
import { type PostgresServer, startPostgres } from '../../packages/router/test/storage/postgres-server.ts';
import { ADMIN_KEY } from '../kept-router.ts';
import { scratchFolder } from '../scratch-folder.ts';
import { type RunningRouter, startConfigured } from '../sotto.ts';
import { startTcpBalancer, type TcpBalancer } from '../tcp-balancer.ts';
import { ask, type Ending, tally } from './ask.ts';
import { drill } from './drill.ts';
import type { LoopbackServer } from './loopback-server.ts';
import { PacedAsking, recoveryMs, type Timed } from './paced-asking.ts';
import { RetryingClient } from './retrying-client.ts';
import { startTokenServer } from './token-server.ts';

const KEY = 'sotto_key_of_the_killings';
const PER_SECOND = 20;
/** From one blow to the next: the thing is away for the first half. */
const ACT_MS = 8_000;
const UPSTREAMS = 4;
const STREAMED = 4;
const folder = scratchFolder();

let postgres: PostgresServer;
let redis: RedisServer;
let models: LoopbackServer[];
let routers: RunningRouter[];
let balancer: TcpBalancer;

beforeAll(async () => {
  [postgres, redis] = await Promise.all([startPostgres(), startRedisServer()]);
  const storage = await postgres.createDatabase('killings');
  models = await Promise.all(Array.from({ length: UPSTREAMS }, () => startModel()));
  const config = {
    listen: '127.0.0.1:0',
    protocols: ['clear', 'ohttp'],
    storage,
    storageKey: { key: Buffer.alloc(32, 5).toString('base64') },
    redis: redis.url,
    cluster: { secret: { key: Buffer.alloc(32, 6).toString('base64') } },
    admin: { key: ADMIN_KEY },
    keys: [{ name: 'killings', key: KEY, limits: { requestsPerMinute: 1_000_000 } }],
    upstreams: models.map(({ baseUrl }, index) => ({
      name: `model-${index}`,
      baseUrl,
      models: ['m'],
      probe: { intervalMs: 500, timeoutMs: 500 },
      breaker: { openMs: 500, maxOpenMs: 2_000 },
    })),
  };
  const startRouter = (name: string): Promise<RunningRouter> => startConfigured(`${folder}/${name}.json`, config);
  routers = await Promise.all([startRouter('one'), startRouter('two')]);
  balancer = await startTcpBalancer(routers.map(({ url }) => url));
  restartRouter = async () => {
    routers[0] = await startRouter('one');
    balancer.use(routers.map(({ url }) => url));
  };
});

afterAll(async () => {
  await balancer.close();
  await Promise.all(routers.map((router) => router.stop()));
  await Promise.all([...models.map((model) => model.close()), postgres.close(), redis.kill()]);
});

let restartRouter: () => Promise<void>;
const startModel = (port = 0): Promise<LoopbackServer> => startTokenServer({ tokens: 20, everyMs: 25, port });
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What is killed, and how it comes back. */
const BLOWS: readonly (readonly [name: string, kill: () => Promise<unknown>, restart: () => Promise<unknown>])[] = [
  ['a model server', () => models[0]?.close() ?? Promise.resolve(), reviveModel],
  ['a router (SIGKILL)', () => routers[0]?.stop('SIGKILL') ?? Promise.resolve(), () => restartRouter()],
  ['Redis (SIGKILL)', () => redis.kill(), () => redis.start()],
  ['Postgres (SIGQUIT)', () => postgres.kill(), () => postgres.start()],
];

async function reviveModel(): Promise<void> {
  const port = Number(new URL(models[0]?.baseUrl ?? '').port);
  models[0] = await startModel(port);
}

const lostUnbegun = (endings: readonly Ending[]): readonly Ending[] =>
  endings.filter(({ kind, begun }) => kind !== 'answered' && !begun);

drill(
  'one Postgres, one Redis, two routers and four model servers under load, while one of each is killed in turn',
  'no request that had not begun to answer is lost to a client that tries again as ours does; when the thing is back, nothing fails',
  async (note) => {
    const client = new RetryingClient(balancer.url, KEY, 'm');
    expect((await client.ask(false)).kind).toBe('answered');
    const retrying = new PacedAsking(PER_SECOND, (number) => client.ask(number % STREAMED === 0));
    const plain = new PacedAsking(PER_SECOND, (number) =>
      ask({ url: balancer.url, model: 'm', key: KEY, stream: number % STREAMED === 0 }),
    );
    await pause(ACT_MS / 2);
    for (const [name, kill, restart] of BLOWS) {
      const atMs = performance.now();
      await kill();
      await pause(ACT_MS / 2);
      await restart();
      const backMs = performance.now();
      await pause(ACT_MS / 2);
      const during = (endings: readonly Timed<Ending>[]): readonly Timed<Ending>[] =>
        endings.filter((ending) => ending.atMs >= atMs);
      note(`${name}: our client`, tally(during(retrying.endings)));
      note(`${name}: a client that tries once`, tally(during(plain.endings)));
      note(
        `${name}: last failure of one that tries once`,
        `${recoveryMs(plain.endings, atMs, ACT_MS * 2).toFixed(0)} ms after the blow`,
      );
      const after = plain.endings.filter((ending) => ending.atMs >= backMs + ACT_MS / 4 && ending.kind !== 'answered');
      expect(tally(after), `${name}: after it was back`).toBe('');
    }
    await Promise.all([retrying.stop(), plain.stop()]);
    note('our client in all', `${retrying.sent} asked: ${tally(retrying.endings)}`);
    note('lost that had not begun to answer', lostUnbegun(retrying.endings).length);
    expect(tally(lostUnbegun(retrying.endings))).toBe('');
    expect(retrying.endings).toHaveLength(retrying.sent);
  },
);
