import { ConfigurationError } from '@sotto/protocol';
import type { KeyConfig, RouterConfig } from './config/schema.ts';
import { type Environment, readSecret } from './config/secrets.ts';
import type { KeyHash } from './virtual-keys/key-hash.ts';
import { type HashedKey, KeyRing } from './virtual-keys/key-ring.ts';

const MIN_KEY_CHARACTERS = 8;

/**
 * A ring of the API keys that the configuration names; those of the store come in with `KeyRegistry.reload`.
 * @throws ConfigurationError `invalid_config`
 */
export async function createKeyRing(
  config: RouterConfig,
  environment: Environment,
  keyHash: KeyHash,
): Promise<KeyRing> {
  const keys = await readConfiguredKeys(config, environment, keyHash);
  return new KeyRing(config.auth === 'open' ? null : keys, keyHash);
}

/**
 * Reads the API keys that the configuration names.
 * @param keyHash under the storage key
 * @throws ConfigurationError `invalid_config`
 */
export async function readConfiguredKeys(
  config: RouterConfig,
  environment: Environment,
  keyHash: KeyHash,
): Promise<readonly HashedKey[]> {
  const keys = await Promise.all(config.keys.map((key) => readKey(key, environment, keyHash)));
  if (new Set(keys.map(({ hash }) => hash)).size < keys.length) {
    throw new ConfigurationError('keys: two entries hold the same key', { code: 'invalid_config' });
  }
  return keys;
}

async function readKey(config: KeyConfig, environment: Environment, keyHash: KeyHash): Promise<HashedKey> {
  const source = { value: config.key, file: config.keyFile, env: config.keyEnv };
  const key = await readSecret(source, environment, `keys.${config.name}`);
  if (key === null || key.length < MIN_KEY_CHARACTERS || /\s/.test(key)) {
    throw new ConfigurationError(
      `keys.${config.name}: a key has at least ${MIN_KEY_CHARACTERS} characters and no space`,
      { code: 'invalid_config' },
    );
  }
  const { name, models, tiers, limits, budget, defaultTier, expiresAt } = config;
  return {
    id: `config:${name}`,
    name,
    hash: keyHash.ofKey(key),
    models,
    tiers,
    defaultTier,
    requestsPerMinute: limits?.requestsPerMinute,
    requestsPerDay: limits?.requestsPerDay,
    tokensPerMinute: limits?.tokensPerMinute,
    budget: budget === undefined ? undefined : { nanoUsd: nanoUsdOf(budget.usd), period: budget.period },
    expiresAtMs: expiresAt === undefined ? null : Date.parse(expiresAt),
    revokedAtMs: null,
  };
}

/** Whole at any amount that the configuration takes: six decimals of a dollar are thousands of billionths. */
function nanoUsdOf(usd: number): number {
  return Math.round(usd * 1e6) * 1_000;
}
