import { describe, expect, onTestFinished, test } from 'vitest';
import { RedisReplays } from '../../src/replay/redis-replays.ts';
import { ReplayWindow } from '../../src/replay/replay-window.ts';
import { connectRedis } from '../../src/replicas/redis-connection.ts';
import { redisReplayCommands } from '../../src/replicas/redis-replay-commands.ts';
import { eventually } from '../eventually.ts';
import { type RedisServer, startRedisServer, withRedisServer } from '../redis-server.ts';

const WINDOW_MS = 60_000;

async function server(): Promise<RedisServer> {
  const started = await startRedisServer();
  onTestFinished(() => started.kill());
  return started;
}

/** A replica's memory, restored whenever Redis comes back. */
async function replica(
  url: string,
  { whenAway = 'local', maxEntries = 100 }: { whenAway?: 'local' | 'refuse'; maxEntries?: number } = {},
) {
  const redis = await connectRedis(url);
  onTestFinished(() => redis.close());
  const recent = new ReplayWindow(WINDOW_MS, maxEntries);
  const commands = redisReplayCommands(redis);
  const replays = new RedisReplays({ commands, local: recent, recent, windowMs: WINDOW_MS, whenAway });
  let restored = 0;
  redis.onChange((isUp) => {
    if (isUp) void replays.restore().then(() => restored++);
  });
  return { replays, redis, restored: () => restored };
}

describe('the memory against replays of two replicas', () => {
  withRedisServer(() => {
    test('refuses at one what the other has seen', async () => {
      const { url } = await server();
      const [one, other] = [await replica(url), await replica(url)];
      expect(await one.replays.add('a')).toBe('added');
      expect(await other.replays.add('a')).toBe('seen');
      expect(await other.replays.has('a')).toBe(true);
      expect(await one.replays.add('a')).toBe('seen');
      expect(await other.replays.add('b')).toBe('added');
    });

    test('takes one of many that come at once', async () => {
      const { url } = await server();
      const replicas = await Promise.all(Array.from({ length: 4 }, () => replica(url)));
      const outcomes = await Promise.all(
        Array.from({ length: 200 }, (_, index) => replicas[index % 4]?.replays.add(`id ${Math.floor(index / 20)}`)),
      );
      expect(outcomes.filter((outcome) => outcome === 'added')).toHaveLength(10);
      expect(outcomes.filter((outcome) => outcome === 'seen')).toHaveLength(190);
    });

    test('has Redis forget by itself, after three windows', async () => {
      const { url } = await server();
      const { replays, redis } = await replica(url);
      await replays.add('a');
      const left = await redis.client.pttl('sotto:replay:a');
      expect(left).toBeGreaterThan(3 * WINDOW_MS - 5_000);
      expect(left).toBeLessThanOrEqual(3 * WINDOW_MS);
    });

    test('forgets, for both, what may be sent again; but not what the other has answered meanwhile', async () => {
      const { url } = await server();
      const [one, other] = [await replica(url), await replica(url)];
      await one.replays.add('a');
      await one.replays.forget('a');
      expect(await other.replays.add('a')).toBe('added');
      await one.replays.forget('a');
      expect(await one.replays.add('a')).toBe('seen');
    });

    test('says so where Redis did not take all that it was told', async () => {
      const { url } = await server();
      const redis = await connectRedis(url);
      onTestFinished(() => redis.close());
      const commands = redisReplayCommands(redis);
      await redis.client.config('SET', 'maxmemory', '1');
      await expect(commands.rememberAll(['a', 'b'], WINDOW_MS)).rejects.toThrow();
      await redis.client.config('SET', 'maxmemory', '0');
      await commands.rememberAll(['a', 'b'], WINDOW_MS);
      expect(await redis.client.exists('sotto:replay:a', 'sotto:replay:b')).toBe(2);
    });

    test('goes by what each has seen itself while Redis is away', async () => {
      const redis = await server();
      const [one, other] = [await replica(redis.url), await replica(redis.url)];
      await one.replays.add('before');
      await redis.kill();
      expect(await one.replays.add('before')).toBe('seen');
      expect(await one.replays.add('during')).toBe('added');
      expect(await one.replays.add('during')).toBe('seen');
      // The price of serving: another replica cannot know.
      expect(await other.replays.add('during')).toBe('added');
    });

    test('tells a Redis that comes back empty what was seen before and meanwhile', async () => {
      const redis = await server();
      const [one, other] = [await replica(redis.url), await replica(redis.url)];
      await one.replays.add('before');
      await redis.kill();
      await one.replays.add('during');
      await redis.start();
      await eventually('it is told', () => one.restored() === 1 && other.redis.isUp);
      expect(await other.replays.add('before')).toBe('seen');
      expect(await other.replays.add('during')).toBe('seen');
    });

    test('refuses everything while Redis is away, where that is asked for', async () => {
      const redis = await server();
      const { replays, redis: connection } = await replica(redis.url, { whenAway: 'refuse' });
      expect(await replays.add('a')).toBe('added');
      redis.freeze();
      expect(await replays.add('b')).toBe('unavailable');
      await eventually('its silence is noticed', () => !connection.isUp);
      expect(await replays.add('c')).toBe('unavailable');
      redis.thaw();
      await eventually('it is back', () => connection.isUp);
      expect(await replays.add('a')).toBe('seen');
      expect(await replays.add('c')).toBe('added');
    });

    test('takes no Redis that is full for one that is away', async () => {
      const { url } = await server();
      const { replays, redis } = await replica(url);
      await redis.client.config('SET', 'maxmemory', '1');
      expect(await replays.add('a')).toBe('full');
      await redis.client.config('SET', 'maxmemory', '0');
      expect(await replays.add('a')).toBe('added');
    });

    test('is full where this process’s share of it is', async () => {
      const { url } = await server();
      const { replays } = await replica(url, { maxEntries: 1 });
      expect(await replays.add('a')).toBe('added');
      expect(await replays.add('b')).toBe('full');
    });
  });
});
