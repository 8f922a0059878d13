import { RateLimiterCluster } from 'rate-limiter-flexible';
import { heldInMemory, type LimiterFactory } from './limiter-factory.ts';

/** The primary answers in well under a millisecond; one that does not is gone. */
const TIMEOUT_MS = 2_000;

/**
 * Counters in the memory of the primary process, which has a `RateLimiterClusterMaster`. For worker processes; one
 * counter of a kind a process.
 */
export const clusterLimiters: LimiterFactory = (kind) =>
  new RateLimiterCluster({ ...heldInMemory(kind), timeoutMs: TIMEOUT_MS });
