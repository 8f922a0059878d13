import { Buffer } from 'node:buffer';
import type { RouterConfig } from '../config/schema.ts';
import type { Environment } from '../config/secrets.ts';
import type { GenerationSeed } from '../hpke-keys/key-generation.ts';
import { KeyRotation } from '../hpke-keys/key-rotation.ts';
import { makeStanding, openCluster } from '../open-cluster.ts';
import { openReplicas } from '../open-replicas.ts';
import type { StandingKeys } from '../replicas/cluster-records.ts';
import { isLasting } from '../storage/open-store.ts';
import { readStorageKey } from '../storage/storage-key.ts';
import type { SharedSecrets } from './messages.ts';

/** The keys that all workers of a machine have: of the primary's own making, or the cluster's that it has joined. */
export interface CrewKeys {
  /**
   * What does not change. It goes over the channel between parent and child: memory and a socket pair of this machine's
   * kernel, no file.
   */
  readonly secrets: Omit<SharedSecrets, 'seeds'>;
  /** The HPKE keys in use now, oldest first. */
  readonly live: readonly GenerationSeed[];
  /** Calls `listener` with each that comes. */
  subscribe(listener: (seed: GenerationSeed) => void): void;
  /** Makes keys that are to take the place of all others; null where other machines share them. */
  prepareSole(): { readonly seed: GenerationSeed; readonly commit: () => void } | null;
  close(): Promise<void>;
}

/** Makes the keys, or takes over those of the cluster. @throws ConfigurationError `invalid_config`, `invalid_key_file` */
export async function openCrewKeys(config: RouterConfig, environment: Environment): Promise<CrewKeys> {
  const storageKey = await readStorageKey(config.storageKey, environment, isLasting(config.storage));
  const secretsOf = (standing: StandingKeys): CrewKeys['secrets'] => ({
    ...standing,
    storageKey: Buffer.from(storageKey).toString('base64'),
  });
  if (config.cluster === undefined) {
    let onSeed: (seed: GenerationSeed) => void = () => {};
    const periods = {
      rotationMs: config.ohttp.rotationSeconds * 1_000,
      overlapMs: config.ohttp.overlapSeconds * 1_000,
    };
    const rotation = new KeyRotation(periods, (seed) => onSeed(seed));
    const secrets = secretsOf(await makeStanding(config));
    await rotation.rotate();
    return {
      secrets,
      get live() {
        return rotation.live;
      },
      subscribe: (listener) => {
        onSeed = listener;
      },
      prepareSole: () => rotation.prepareSole(),
      close: async () => rotation.stop(),
    };
  }
  const replicas = await openReplicas(config);
  try {
    const joined = await openCluster(config, environment, replicas);
    if (joined === null) throw new RangeError('a configuration with a cluster names a Redis');
    return {
      secrets: secretsOf(joined.standing),
      get live() {
        return joined.live;
      },
      subscribe: (listener) => joined.subscribe(listener),
      prepareSole: () => null,
      close: async () => {
        joined.close();
        await replicas?.close();
      },
    };
  } catch (error) {
    await replicas?.close();
    throw error;
  }
}
