import { ConfigurationError } from '@sotto/protocol';
import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import { heldForTheTimeBeing, type LimiterFactory } from './limiter-factory.ts';

/** A server that does not answer within this time is taken for dead, and the connection to it closed. */
const ANSWER_TIMEOUT_MS = 500;
const CONNECT_TIMEOUT_MS = 5_000;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2_000;
/** Longest wait for the first connection before the router begins without it. */
const START_TIMEOUT_MS = 2_000;

/** Redis's words for a connection that is not let in. */
const REFUSAL = /^(WRONGPASS|NOAUTH|NOPERM) /;

/** Where counts are held now: in Redis, or for the time being in each process's own memory. */
export type CountsHeldIn = 'redis' | 'memory';

/** Counters that all processes with the same Redis (or Valkey) share. */
export interface RedisLimiters {
  readonly makeLimiter: LimiterFactory;
  readonly heldIn: CountsHeldIn;
  /**
   * Calls `listener` each time counts come to be held elsewhere: what was counted until then has to be told there
   * (`Budgets.seed`). One listener; a later one replaces it.
   */
  onSwitch(listener: (heldIn: CountsHeldIn) => void): void;
  close(): Promise<void>;
}

/**
 * Counts in Redis, and in memory while Redis is away: the router goes on, each process holds the limits for itself, and
 * the first command after Redis is back counts there again.
 * @param url `redis://[user:password@]host[:port][/db]`, `rediss://…` for TLS
 * @throws ConfigurationError `invalid_config` where the address is none, or its user name and password are not taken
 */
export async function createRedisLimiters(url: string): Promise<RedisLimiters> {
  if (!isRedisUrl(url)) {
    throw new ConfigurationError('redis: give redis://host:port or rediss://host:port', { code: 'invalid_config' });
  }
  // Loaded where it is asked for only: it is larger than the rest of the router's start.
  const { Redis } = await import('ioredis');
  const client = new Redis(url, {
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    commandTimeout: ANSWER_TIMEOUT_MS,
    socketTimeout: ANSWER_TIMEOUT_MS,
    // What cannot be counted there now is counted in memory now. Sent again later, it would be counted twice.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(attempt * FIRST_RETRY_MS, LONGEST_RETRY_MS),
  });
  let heldIn: CountsHeldIn = 'memory';
  let onSwitch: (heldIn: CountsHeldIn) => void = () => {};
  const switchTo = (place: CountsHeldIn): void => {
    if (heldIn === place) return;
    heldIn = place;
    onSwitch(place);
  };
  client.on('ready', () => switchTo('redis'));
  client.on('close', () => switchTo('memory'));
  let refused = false;
  // Without a listener an error would end the process. `onSwitch` tells of it; its text may name the address.
  client.on('error', (error) => {
    refused ||= REFUSAL.test(error.message);
  });
  await firstConnection(client.connect());
  if (refused) {
    client.disconnect();
    throw new ConfigurationError('redis: the server does not take the user name and password of the address', {
      code: 'invalid_config',
    });
  }
  return {
    makeLimiter: (kind) =>
      new RateLimiterRedis({
        ...kind,
        keyPrefix: `sotto:${kind.keyPrefix}`,
        storeClient: client,
        rejectIfRedisNotReady: true,
        insuranceLimiter: new RateLimiterMemory(heldForTheTimeBeing(kind)),
      }),
    get heldIn() {
      return heldIn;
    },
    onSwitch: (listener) => {
      onSwitch = listener;
    },
    close: async () => {
      onSwitch = () => {};
      // What was sent is answered first. A connection that is not there has nothing to answer.
      await client.quit().catch(() => client.disconnect());
    },
  };
}

/** Waits for Redis for a moment: the router starts without it, too. */
async function firstConnection(connecting: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const patience = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, START_TIMEOUT_MS);
  });
  await Promise.race([connecting.catch(() => {}), patience]);
  clearTimeout(timer);
}

/** Whether `url` is an address of a Redis server. */
export function isRedisUrl(url: string): boolean {
  return URL.canParse(url) && /^rediss?:$/.test(new URL(url).protocol);
}
