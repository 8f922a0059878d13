import type { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis } from 'rate-limiter-flexible';
import { heldForTheTimeBeing, type LimiterFactory } from './limiter-factory.ts';

/**
 * Counts in Redis, for all processes with the same server, and in memory while Redis is away: the router goes on, each
 * process holds the limits for itself, and the first command after Redis is back counts there again. What was counted
 * until then has to be told there (`Budgets.seed`).
 */
export function redisLimiters(client: Redis): LimiterFactory {
  return (kind) =>
    new RateLimiterRedis({
      ...kind,
      keyPrefix: `sotto:${kind.keyPrefix}`,
      storeClient: client,
      rejectIfRedisNotReady: true,
      insuranceLimiter: new RateLimiterMemory(heldForTheTimeBeing(kind)),
    });
}
