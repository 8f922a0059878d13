import { ConfigurationError } from '@sotto/protocol';
import type { Redis } from 'ioredis';
import { isRedisUrl } from './redis-url.ts';

/** A server that does not answer within this time is taken for dead, and the connection to it closed. */
const ANSWER_TIMEOUT_MS = 500;
const CONNECT_TIMEOUT_MS = 5_000;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 2_000;
/** Longest wait for the first connection before the router begins without it. */
const START_TIMEOUT_MS = 2_000;
/** How often a server that is up is asked for a sign of life: one that hangs is noticed although nobody needs it. */
const PING_MS = 2_000;

/** Redis's words for a connection that is not let in. */
const REFUSAL = /^(WRONGPASS|NOAUTH|NOPERM) /;

/** The connection to the Redis (or Valkey) server that all replicas share. */
export interface RedisConnection {
  /** Commands fail at once while the server is away; none is sent twice. */
  readonly client: Redis;
  readonly isUp: boolean;
  /** Calls `listener` each time the server goes or comes back. */
  onChange(listener: (isUp: boolean) => void): void;
  close(): Promise<void>;
}

/**
 * Connects, and goes on trying for as long as it takes: the router starts, and serves, without the server too.
 * @param url `redis://[user:password@]host[:port][/db]`, `rediss://…` for TLS
 * @throws ConfigurationError `invalid_config` where the address is none, or its user name and password are not taken
 */
export async function connectRedis(url: string): Promise<RedisConnection> {
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
    // What cannot be done there now is done in memory now. Sent again later, it would be done twice.
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // A server that has become another's copy takes no writes: the address leads to the new one.
    reconnectOnError: (error) => error.message.startsWith('READONLY '),
    retryStrategy: (attempt) => Math.min(attempt * FIRST_RETRY_MS, LONGEST_RETRY_MS),
  });
  let isUp = false;
  const listeners: ((isUp: boolean) => void)[] = [];
  const change = (up: boolean): void => {
    if (isUp === up) return;
    isUp = up;
    for (const listener of listeners) listener(up);
  };
  client.on('ready', () => change(true));
  client.on('close', () => change(false));
  const heartbeat = setInterval(() => {
    // Without an answer in time the connection is closed, and `close` tells of it.
    if (isUp) client.ping().catch(() => {});
  }, PING_MS).unref();
  let refused = false;
  // Without a listener an error would end the process. `onChange` tells of it; its text may name the address.
  client.on('error', (error) => {
    refused ||= REFUSAL.test(error.message);
  });
  await firstConnection(client.connect());
  if (refused) {
    clearInterval(heartbeat);
    client.disconnect();
    throw new ConfigurationError('redis: the server does not take the user name and password of the address', {
      code: 'invalid_config',
    });
  }
  return {
    client,
    get isUp() {
      return isUp;
    },
    onChange: (listener) => void listeners.push(listener),
    close: async () => {
      clearInterval(heartbeat);
      listeners.length = 0;
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
