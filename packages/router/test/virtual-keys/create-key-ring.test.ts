import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/parse.ts';
import type { RouterConfigInput } from '../../src/config/schema.ts';
import { createKeyRing } from '../../src/create-key-ring.ts';
import { KeyHash } from '../../src/virtual-keys/key-hash.ts';
import { STORAGE_KEY } from '../storage/folder.ts';

const upstreams: RouterConfigInput['upstreams'] = [{ name: 'a', baseUrl: 'http://127.0.0.1:1/v1', models: ['m'] }];
const ringOf = (keys: NonNullable<RouterConfigInput['keys']>) =>
  createKeyRing(parseConfig({ upstreams, keys }), {}, new KeyHash(STORAGE_KEY));

describe('a key of the configuration', () => {
  test('has every limit that is written there', async () => {
    const ring = await ringOf([
      {
        name: 'full',
        key: 'sotto_full-key',
        models: ['m*'],
        tiers: ['high'],
        defaultTier: 'high',
        limits: { requestsPerMinute: 1, requestsPerDay: 2, tokensPerMinute: 3 },
        budget: { usd: 2.5, period: 'day' },
        expiresAt: '2999-01-01T00:00:00+01:00',
      },
    ]);
    expect(ring.authenticate({ 'x-api-key': 'sotto_full-key' })).toMatchObject({
      id: 'config:full',
      name: 'full',
      models: ['m*'],
      tiers: ['high'],
      defaultTier: 'high',
      requestsPerMinute: 1,
      requestsPerDay: 2,
      tokensPerMinute: 3,
      budget: { nanoUsd: 2_500_000_000, period: 'day' },
      expiresAtMs: Date.UTC(2998, 11, 31, 23),
      revokedAtMs: null,
    });
  });

  test('is without limits where none is written', async () => {
    const ring = await ringOf([{ name: 'plain', key: 'sotto_plain-key' }]);
    expect(ring.authenticate({ 'x-api-key': 'sotto_plain-key' })).toMatchObject({
      models: undefined,
      tiers: undefined,
      requestsPerMinute: undefined,
      tokensPerMinute: undefined,
      budget: undefined,
      expiresAtMs: null,
    });
  });

  test('that has expired is refused', async () => {
    const ring = await ringOf([{ name: 'old', key: 'sotto_old-key', expiresAt: '2020-01-01T00:00:00Z' }]);
    expect(() => ring.authenticate({ 'x-api-key': 'sotto_old-key' })).toThrowError(
      expect.objectContaining({ code: 'api_key_expired' }),
    );
  });
});
