import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../eventually.ts';
import { startRedisServer, withRedisServer } from '../redis-server.ts';
import { testRouter } from '../running-router.ts';

const upstreams = [{ name: 'u', baseUrl: 'http://127.0.0.1:1/v1', models: ['m'], probe: false as const }];

describe('a router with Redis', () => {
  withRedisServer(() => {
    test('stays ready while Redis is away, and says so', async () => {
      const server = await startRedisServer();
      onTestFinished(() => server.kill());
      const router = await testRouter({ upstreams, redis: server.url });
      const get = (path: string): Promise<Response> => router.fetch(new Request(`http://router.test${path}`));
      const state = async (): Promise<unknown> => [
        (await get('/health/ready')).status,
        ((await (await get('/health/ready')).json()) as Record<string, unknown>)['redis'],
        /^sotto_redis_up (\d)$/m.exec(await (await get('/metrics')).text())?.[1],
      ];
      const is = (wanted: readonly unknown[]) => async () => JSON.stringify(await state()) === JSON.stringify(wanted);
      expect(await state()).toEqual([200, 'ok', '1']);
      await server.kill();
      await eventually('it is said to be away', is([200, 'unavailable', '0']));
      await server.start();
      await eventually('it is said to be back', is([200, 'ok', '1']));
      // Nothing is asked of it now: that it hangs has to be noticed all the same.
      server.freeze();
      await eventually('it is said to be away again', is([200, 'unavailable', '0']));
      server.thaw();
      await eventually('it is said to be back again', is([200, 'ok', '1']));
    });
  });

  test('says nothing of Redis where there is none', async () => {
    const router = await testRouter({ upstreams });
    const ready = await router.fetch(new Request('http://router.test/health/ready'));
    expect(await ready.json()).not.toHaveProperty('redis');
    const metrics = await router.fetch(new Request('http://router.test/metrics'));
    expect(await metrics.text()).not.toContain('sotto_redis_up');
  });
});
