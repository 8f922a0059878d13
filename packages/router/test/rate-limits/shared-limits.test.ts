import { randomUUID } from 'node:crypto';
import type { RateLimiterAbstract } from 'rate-limiter-flexible';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LimiterFactory, memoryLimiters } from '../../src/rate-limits/limiter-factory.ts';
import { redisLimiters } from '../../src/rate-limits/redis-limiters.ts';
import { connectRedis, type RedisConnection } from '../../src/replicas/redis-connection.ts';
import { type RedisServer, startRedisServer, withRedisServer } from '../redis-server.ts';
import { type LimitTask, runLimitTask } from './limit-task.ts';
import { type CountingProcesses, startCountingProcesses } from './start-counting-processes.ts';

/** Has several processes make a task's calls at once. @returns how many were let in, all together */
type Run = (task: LimitTask) => Promise<number>;

const task = (more: Partial<LimitTask> = {}): LimitTask => ({
  counts: 'requests',
  keyId: randomUUID(),
  limit: 50,
  calls: 100,
  each: 1,
  used: null,
  spentBefore: 0,
  ...more,
});

/** Token windows are the clock's minutes: what met the end of one is done again. */
async function withinOneMinute<T>(work: () => Promise<T>): Promise<T> {
  for (;;) {
    const minute = Math.floor(Date.now() / 60_000);
    const result = await work();
    if (Math.floor(Date.now() / 60_000) === minute) return result;
  }
}

/** What must hold wherever counts are held and however many processes count. */
function holdsExactly(run: Run): void {
  test('lets in as many requests as the limit says', async () => {
    expect(await run(task())).toBe(50);
    expect(await run(task({ limit: 1 }))).toBe(1);
  });

  test('lets in nothing more once the limit is reached, and each key for itself', async () => {
    const one = task({ limit: 7, calls: 10 });
    expect(await run(one)).toBe(7);
    expect(await run(one)).toBe(0);
    expect(await run({ ...one, keyId: randomUUID() })).toBe(7);
  });

  test('follows a limit that was changed from the next request on', async () => {
    const one = task({ limit: 7, calls: 10 });
    expect(await run(one)).toBe(7);
    expect(await run({ ...one, limit: 1_000, calls: 1 })).toBeGreaterThan(0);
    expect(await run({ ...one, limit: 7, calls: 1 })).toBe(0);
  });

  test('sets aside as many tokens as there are', async () => {
    const one = task({ counts: 'tokens', limit: 500, each: 10 });
    expect(await withinOneMinute(() => run({ ...one, keyId: randomUUID() }))).toBe(50);
    expect(await run(task({ counts: 'tokens', limit: 500, each: 501 }))).toBe(0);
  });

  test('gives back the tokens that were not used', async () => {
    const admitted = await withinOneMinute(async () => {
      const one = task({ counts: 'tokens', limit: 1_000, each: 250, calls: 1, used: 0 });
      return [await run(one), await run(one)];
    });
    expect(admitted[0]).toBeGreaterThan(0);
    expect(admitted[1]).toBe(admitted[0]);
  });

  test('never spends more than a budget, with what was spent before counted once', async () => {
    const one = task({ counts: 'budget', limit: 1_000, each: 1, calls: 300, spentBefore: 900 });
    const admitted = await run(one);
    expect(admitted).toBeLessThanOrEqual(100);
    // What several who ask at once are refused in passing, is there for the next.
    let sum = admitted;
    for (let round = 0; round < 110 && sum < 100; round++) sum += await run({ ...one, calls: 1 });
    expect(sum).toBe(100);
    expect(await run({ ...one, calls: 1 })).toBe(0);
  });

  test('ends at what was used when every call is over', async () => {
    const one = task({ counts: 'budget', limit: 1_000_000, each: 100, calls: 50, used: 60 });
    const admitted = await run(one);
    const left = 1_000_000 - admitted * 60;
    const rest = { ...one, calls: 1, used: 0 };
    expect(await run({ ...rest, each: left + 1 })).toBe(0);
    expect(await run({ ...rest, each: left })).toBeGreaterThan(0);
  });
}

describe('limits in the memory of one process', () => {
  const counters = new Map<string, RateLimiterAbstract>();
  const oneProcess: LimiterFactory = (kind) => {
    const limiter = counters.get(kind.keyPrefix) ?? memoryLimiters(kind);
    counters.set(kind.keyPrefix, limiter);
    return limiter;
  };
  holdsExactly((one) => runLimitTask(oneProcess, one));
});

describe('limits of four worker processes', () => {
  let processes: CountingProcesses;
  beforeAll(async () => {
    processes = await startCountingProcesses(4);
  });
  afterAll(() => processes.close());

  holdsExactly((one) => processes.run(one));
});

describe('limits of four replicas with one Redis', () => {
  withRedisServer(() => {
    let server: RedisServer;
    let replicas: readonly RedisConnection[];
    beforeAll(async () => {
      server = await startRedisServer();
      replicas = await Promise.all(Array.from({ length: 4 }, () => connectRedis(server.url)));
    });
    afterAll(async () => {
      await Promise.all(replicas.map((replica) => replica.close()));
      await server.kill();
    });

    holdsExactly(async (one) => {
      const admitted = await Promise.all(replicas.map(({ client }) => runLimitTask(redisLimiters(client), one)));
      return admitted.reduce((sum, each) => sum + each, 0);
    });
  });
});
