import { ConfigurationError } from '@sotto/protocol';
import type { KeyConfig, RouterConfig } from './config/schema.ts';
import { type Environment, readSecret } from './config/secrets.ts';
import { type KeyRecord, KeyRing } from './virtual-keys/key-ring.ts';

const MIN_KEY_CHARACTERS = 8;

/** Reads the API keys that the configuration names. @throws ConfigurationError `invalid_config` */
export async function createKeyRing(config: RouterConfig, environment: Environment): Promise<KeyRing> {
  if (config.auth === 'open') return new KeyRing(null);
  const keys = await Promise.all(config.keys.map((key) => readKey(key, environment)));
  if (new Set(keys.map(([key]) => key)).size < keys.length) {
    throw new ConfigurationError('keys: two entries hold the same key', { code: 'invalid_config' });
  }
  return new KeyRing(keys);
}

async function readKey(config: KeyConfig, environment: Environment): Promise<readonly [string, KeyRecord]> {
  const source = { value: config.key, file: config.keyFile, env: config.keyEnv };
  const key = await readSecret(source, environment, `keys.${config.name}`);
  if (key === null || key.length < MIN_KEY_CHARACTERS || /\s/.test(key)) {
    throw new ConfigurationError(
      `keys.${config.name}: a key has at least ${MIN_KEY_CHARACTERS} characters and no space`,
      {
        code: 'invalid_config',
      },
    );
  }
  const { name, models, tiers, limits } = config;
  return [
    key,
    { name, models, tiers, requestsPerMinute: limits?.requestsPerMinute, requestsPerDay: limits?.requestsPerDay },
  ];
}
