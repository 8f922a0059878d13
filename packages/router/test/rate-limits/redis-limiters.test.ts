import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Budgets } from '../../src/rate-limits/budgets.ts';
import { redisLimiters } from '../../src/rate-limits/redis-limiters.ts';
import { RequestLimits } from '../../src/rate-limits/request-limits.ts';
import { TokenLimits } from '../../src/rate-limits/token-limits.ts';
import { connectRedis } from '../../src/replicas/redis-connection.ts';
import { isRedisUrl } from '../../src/replicas/redis-url.ts';
import { eventually } from '../eventually.ts';
import { startRedisServer, withRedisServer } from '../redis-server.ts';

async function limitersAt(url: string) {
  const redis = await connectRedis(url);
  onTestFinished(() => redis.close());
  const makeLimiter = redisLimiters(redis.client);
  return { redis, makeLimiter };
}

const perMinute = (requestsPerMinute: number) => ({ name: 'k', requestsPerMinute, requestsPerDay: undefined });

describe('limits in Redis', () => {
  test('need an address of one', async () => {
    await expect(connectRedis('http://127.0.0.1')).rejects.toMatchObject({ code: 'invalid_config' });
    await expect(connectRedis('nothing')).rejects.toMatchObject({ code: 'invalid_config' });
    for (const url of ['redis://h', 'redis://u:p@h:1/2', 'rediss://h']) expect(isRedisUrl(url)).toBe(true);
  });

  test('are held in memory where there is none from the start, by each process', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const limiters = await limitersAt(`redis://user:hidden-word@127.0.0.1:${port}`);
    expect(limiters.redis.isUp).toBe(false);
    const limits = new RequestLimits(limiters.makeLimiter);
    await limits.admit(perMinute(1));
    const refusal: unknown = await Promise.resolve(limits.admit(perMinute(1))).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ status: 429 });
    expect(JSON.stringify(refusal)).not.toContain('hidden-word');
  });

  withRedisServer(() => {
    test('are held in memory while it is away, and in Redis again when it is back', async () => {
      const server = await startRedisServer();
      onTestFinished(() => server.kill());
      const changes: boolean[] = [];
      const limiters = await limitersAt(server.url);
      limiters.redis.onChange((isUp) => changes.push(isUp));
      const limits = new RequestLimits(limiters.makeLimiter);
      expect(await limits.admit(perMinute(2))).toMatchObject({ 'x-ratelimit-remaining': '1' });
      await server.kill();
      // Some of these are on their way just then, some find no connection.
      const during = await Promise.allSettled(
        Array.from({ length: 20 }, () => Promise.resolve(limits.admit(perMinute(5)))),
      );
      expect(during.filter(({ status }) => status === 'fulfilled')).toHaveLength(5);
      await eventually('its end is noticed', () => !limiters.redis.isUp);
      await server.start();
      await eventually('Redis counts again', () => limiters.redis.isUp);
      expect(await limits.admit(perMinute(2))).toMatchObject({ 'x-ratelimit-remaining': '1' });
      expect(changes).toEqual([false, true]);
    });

    test('do not wait again and again for one that does not answer', async () => {
      const server = await startRedisServer();
      onTestFinished(() => server.kill());
      const limiters = await limitersAt(server.url);
      const limits = new RequestLimits(limiters.makeLimiter);
      await limits.admit(perMinute(1_000));
      server.freeze();
      const begun = performance.now();
      for (let index = 0; index < 50; index++) await limits.admit(perMinute(1_000));
      expect(performance.now() - begun).toBeLessThan(5_000);
      expect(limiters.redis.isUp).toBe(false);
    });

    test('do not begin with a password that is not taken, and do not repeat it', async () => {
      const server = await startRedisServer('right-word');
      onTestFinished(() => server.kill());
      for (const credentials of ['', ':wrong-word@']) {
        const refusal: unknown = await connectRedis(server.url.replace('//', `//${credentials}`)).catch(
          (error: unknown) => error,
        );
        expect(refusal).toMatchObject({ code: 'invalid_config' });
        expect(String(refusal)).not.toContain('-word');
      }
      expect((await limitersAt(server.url.replace('//', '//:right-word@'))).redis.isUp).toBe(true);
    });

    test('are held in Redis as soon as there is one', async () => {
      const server = await startRedisServer();
      onTestFinished(() => server.kill());
      await server.kill();
      const limiters = await limitersAt(server.url);
      const limits = new RequestLimits(limiters.makeLimiter);
      await limits.admit(perMinute(1));
      await server.start();
      await eventually('Redis counts', () => limiters.redis.isUp);
      expect(await limits.admit(perMinute(1))).toMatchObject({ 'x-ratelimit-remaining': '0' });
    });

    test('give nothing away for what was set aside before it went', async () => {
      const server = await startRedisServer();
      onTestFinished(() => server.kill());
      const limiters = await limitersAt(server.url);
      const budgets = new Budgets(limiters.makeLimiter);
      const budget = { nanoUsd: 1_000, period: 'total' } as const;
      const tokens = new TokenLimits(limiters.makeLimiter);
      const money = await budgets.reserve('k', budget, 900);
      const minute = await tokens.reserve('k', 1_000, 900);
      await server.kill();
      await eventually('its end is noticed', () => !limiters.redis.isUp);
      await money.settle(100);
      await minute.settle(0);
      await expect(budgets.reserve('k', budget, 1_001)).rejects.toMatchObject({ status: 402 });
      await expect(budgets.reserve('k', { ...budget, nanoUsd: 0 }, 0)).rejects.toMatchObject({ status: 402 });
      expect((await tokens.reserve('k', 1_000, 0)).headers['x-ratelimit-remaining-tokens']).toBe('1000');
    });

    test('are told what was spent when they come to be held elsewhere', async () => {
      const server = await startRedisServer();
      onTestFinished(() => server.kill());
      const holders = [{ id: 'k', budget: { nanoUsd: 1_000, period: 'month' } as const }];
      const limiters = await limitersAt(server.url);
      const budgets = new Budgets(limiters.makeLimiter);
      let seeded = 0;
      const seed = async (): Promise<void> => {
        await budgets.seed(holders, () => Promise.resolve(new Map([['k', 990]])));
        seeded++;
      };
      limiters.redis.onChange(() => void seed());
      await seed();
      for (const next of [() => server.kill(), () => server.start()]) {
        const before = seeded;
        await next();
        await eventually('the counts are told', () => seeded > before);
        await expect(budgets.reserve('k', { nanoUsd: 1_000, period: 'month' }, 11)).rejects.toMatchObject({
          status: 402,
        });
      }
    });
  });
});
