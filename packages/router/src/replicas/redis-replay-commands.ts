import { randomUUID } from 'node:crypto';
import type { ReplayCommands } from '../replay/redis-replays.ts';
import type { RedisConnection } from './redis-connection.ts';

const PREFIX = 'sotto:replay:';
/** Forgets an entry if this process made it: what another replica has answered meanwhile stays answered. */
const FORGET_OWN = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`;

/** The memory against replays in Redis: one key an id, which Redis forgets by itself. */
export function redisReplayCommands(redis: RedisConnection): ReplayCommands {
  const { client } = redis;
  const own = randomUUID();
  return {
    get isUp() {
      return redis.isUp;
    },
    remember: async (id, forMs) => {
      try {
        return (await client.set(PREFIX + id, own, 'PX', forMs, 'NX')) === 'OK' ? 'added' : 'seen';
      } catch (error) {
        // An answer, and no: out of memory above all.
        if (error instanceof Error && error.name === 'ReplyError') return 'full';
        throw error;
      }
    },
    rememberAll: async (ids, forMs) => {
      const writes = client.pipeline();
      for (const id of ids) writes.set(PREFIX + id, own, 'PX', forMs, 'NX');
      // It settles with an error for each that was not taken, and never rejects.
      for (const [error] of (await writes.exec()) ?? []) if (error !== null) throw error;
    },
    forget: async (id) => void (await client.eval(FORGET_OWN, 1, PREFIX + id, own)),
  };
}
