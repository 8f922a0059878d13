import { ConfigurationError } from '@sotto/protocol';
import type { GenerationSeed, RotationPeriods } from '../hpke-keys/key-generation.ts';
import { SharedRotation } from '../hpke-keys/shared-rotation.ts';
import { ClusterRecords, type StandingKeys } from './cluster-records.ts';
import type { ClusterSeal } from './cluster-seal.ts';
import type { RedisConnection } from './redis-connection.ts';
import type { RedisNews } from './redis-news.ts';
import { Rereading } from './rereading.ts';

/** How often the standing keys are told to stay. */
const KEEP_MS = 60_000;

/** What a replica is made of that joins a cluster. */
export interface ClusterOptions {
  readonly name: string;
  readonly seal: ClusterSeal;
  readonly redis: RedisConnection;
  readonly news: RedisNews;
  readonly periods: RotationPeriods;
  /** The standing keys of a cluster that has none yet, and of the configuration's files. */
  readonly makeStanding: () => Promise<StandingKeys>;
}

/** Keys that all replicas of a cluster have. */
export interface Cluster {
  readonly standing: StandingKeys;
  /** The HPKE keys in use now, oldest first. */
  readonly live: readonly GenerationSeed[];
  /** Calls `listener` with each that comes. One listener; a later one replaces it. */
  subscribe(listener: (seed: GenerationSeed) => Promise<void> | void): void;
  /** Has the next made ahead of the schedule. @throws where Redis is away */
  rotate(): Promise<void>;
  close(): void;
}

/**
 * Takes over the keys of the other replicas, or makes the first ones.
 * @throws ConfigurationError `invalid_config` where Redis cannot be reached: with keys of its own a replica would refuse
 *   what clients seal to the others'. And where the secret is not theirs.
 */
export async function joinCluster(options: ClusterOptions): Promise<Cluster> {
  const { name, seal, redis, news, periods } = options;
  const channel = `sotto:cluster:${name}`;
  const records = new ClusterRecords(redis.client, seal, name, () => void news.publish(channel, 'generations'));
  let onSeed: (seed: GenerationSeed) => Promise<void> | void = () => {};
  const rotation = new SharedRotation({ board: records, periods, onSeed: (seed) => onSeed(seed) });
  let standing: StandingKeys | null;
  try {
    standing = await records.standing(options.makeStanding);
    if (standing !== null) await rotation.start();
  } catch (error) {
    rotation.stop();
    if (ConfigurationError.isInstance(error)) throw error;
    throw invalid('redis: not reached, and a replica with cluster.secret begins with the keys of the others', error);
  }
  if (standing === null) throw invalid('cluster.secret: not the one of the replicas that use this Redis');
  const keys = standing;
  const reading = new Rereading(() => rotation.sync());
  const ask = (): void => reading.ask();
  news.listen(channel, { onMessage: ask, onListening: ask });
  const keep = (): void => void records.keep(keys).catch(() => {});
  redis.onChange((isUp) => {
    if (isUp) keep();
  });
  const keeping = setInterval(keep, KEEP_MS).unref();
  return {
    standing: keys,
    get live() {
      return rotation.live;
    },
    subscribe: (listener) => {
      onSeed = listener;
    },
    rotate: () => rotation.rotate(),
    close: () => {
      clearInterval(keeping);
      rotation.stop();
    },
  };
}

function invalid(message: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError(message, { code: 'invalid_config', cause });
}
