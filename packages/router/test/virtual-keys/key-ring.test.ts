import { describe, expect, test } from 'vitest';
import { asApiError } from '../../src/http/answer.ts';
import type { HeaderFields } from '../../src/http/exchange.ts';
import { KeyHash } from '../../src/virtual-keys/key-hash.ts';
import { allowsModel, allowsTier, type HashedKey, KeyRing } from '../../src/virtual-keys/key-ring.ts';
import { STORAGE_KEY } from '../storage/folder.ts';
import { storedKey } from '../storage/stored.ts';

const keyHash = new KeyHash(STORAGE_KEY);
const NOW_MS = 1_000_000;
const keyed = (key: string, more: Partial<HashedKey> = {}): HashedKey => ({
  ...storedKey(key),
  hash: keyHash.ofKey(key),
  ...more,
});
const ringOf = (configured: readonly HashedKey[] | null, stored: readonly HashedKey[] = []): KeyRing => {
  const ring = new KeyRing(configured, keyHash, () => NOW_MS);
  ring.replace(stored);
  return ring;
};
const outcome = (ring: KeyRing, headers: HeaderFields): string => {
  try {
    return ring.authenticate(headers).name;
  } catch (error) {
    const { code, status, message } = asApiError(error);
    expect(status).toBe(401);
    expect(message).not.toMatch(/sotto_/);
    return String(code);
  }
};

describe('a ring of virtual keys', () => {
  const ring = ringOf(
    [keyed('sotto_configured')],
    [
      keyed('sotto_stored'),
      keyed('sotto_expired', { expiresAtMs: NOW_MS }),
      keyed('sotto_lasting', { expiresAtMs: NOW_MS + 1 }),
      keyed('sotto_revoked', { revokedAtMs: 1 }),
      keyed('sotto_both', { revokedAtMs: 1, expiresAtMs: 1 }),
    ],
  );

  test.each([
    ['sotto_configured', 'sotto_configured'],
    ['sotto_stored', 'sotto_stored'],
    ['sotto_lasting', 'sotto_lasting'],
    ['sotto_expired', 'api_key_expired'],
    ['sotto_revoked', 'api_key_revoked'],
    ['sotto_both', 'api_key_revoked'],
    ['sotto_unknown', 'invalid_api_key'],
    ['SOTTO_STORED', 'invalid_api_key'],
    [keyHash.ofKey('sotto_stored'), 'invalid_api_key'],
    ['x'.repeat(100_000), 'invalid_api_key'],
    ["' or 1=1 --", 'invalid_api_key'],
    ['__proto__', 'invalid_api_key'],
    ['', 'missing_api_key'],
  ])('asked for %j says %s', (key, expected) => {
    for (const headers of [{ 'x-api-key': key }, { 'api-key': key }]) expect(outcome(ring, headers)).toBe(expected);
    if (!key.includes(' ')) expect(outcome(ring, { authorization: `bEaReR ${key}` })).toBe(expected);
  });

  test('takes the first place that holds a key, and no second guess', () => {
    const headers = { authorization: 'Bearer sotto_unknown', 'x-api-key': 'sotto_stored', 'api-key': 'sotto_stored' };
    expect(outcome(ring, headers)).toBe('invalid_api_key');
    expect(outcome(ring, { 'x-api-key': 'sotto_stored', 'api-key': 'sotto_unknown' })).toBe('sotto_stored');
    expect(outcome(ring, { authorization: 'Basic c290dG9fc3RvcmVk' })).toBe('missing_api_key');
  });

  test('that is open lets everybody in as one', () => {
    expect(ringOf(null).authenticate({})).toMatchObject({ id: 'anybody', models: undefined, budget: undefined });
    expect(outcome(ringOf(null), { 'x-api-key': 'whatever' })).toBe('anybody');
  });

  test('forgets what a replacement does not bring, and keeps the configuration', () => {
    const own = ringOf([keyed('sotto_configured')], [keyed('sotto_old')]);
    own.replace([keyed('sotto_new'), keyed('sotto_configured', { name: 'usurper', revokedAtMs: 1 })]);
    expect(outcome(own, { 'x-api-key': 'sotto_old' })).toBe('invalid_api_key');
    expect(outcome(own, { 'x-api-key': 'sotto_new' })).toBe('sotto_new');
    expect(outcome(own, { 'x-api-key': 'sotto_configured' })).toBe('sotto_configured');
    own.put(keyed('sotto_configured', { name: 'usurper' }));
    expect(outcome(own, { 'x-api-key': 'sotto_configured' })).toBe('sotto_configured');
    own.put(keyed('sotto_new', { revokedAtMs: 1 }));
    expect(outcome(own, { 'x-api-key': 'sotto_new' })).toBe('api_key_revoked');
  });

  test('takes the same time to refuse a key whatever is wrong with it', () => {
    const bad = ['sotto_unknown', 'sotto_expired', 'sotto_revoked'];
    const timesMs = new Map<string, number[]>(bad.map((key) => [key, []]));
    // In turns, so that what else the machine does hits all alike.
    for (let round = 0; round < 300; round++) {
      for (const key of bad) {
        const begun = performance.now();
        for (let count = 0; count < 20; count++) outcome(ring, { 'x-api-key': key });
        timesMs.get(key)?.push(performance.now() - begun);
      }
    }
    const medians = [...timesMs.values()].map((times) => times.sort((a, b) => a - b)[150] ?? 0);
    expect(Math.max(...medians) / Math.min(...medians)).toBeLessThan(1.5);
  });
});

describe('what a key allows', () => {
  const allows = (models: readonly string[] | undefined, model: string): boolean =>
    allowsModel(storedKey('x', { models }), model);

  test.each([
    [undefined, 'any', true],
    [['gpt-4'], 'gpt-4', true],
    [['gpt-4'], 'GPT-4', false],
    [['gpt-4'], 'gpt-4o', false],
    [['gpt-*'], 'gpt-', true],
    [['gpt-*'], 'gpt', false],
    [['gpt-*'], 'org/gpt-4', false],
    [['*'], 'any', true],
    [['a', 'org/*'], 'org/x', true],
    [[], 'any', false],
  ])('%j and %s: %s', (models, model, expected) => {
    expect(allows(models, model)).toBe(expected);
  });

  test('is every tier, or those that are named', () => {
    expect(allowsTier(storedKey('x'), 'maximum')).toBe(true);
    expect(allowsTier(storedKey('x', { tiers: ['high'] }), 'high')).toBe(true);
    expect(allowsTier(storedKey('x', { tiers: ['high'] }), 'maximum')).toBe(false);
    expect(allowsTier(storedKey('x', { tiers: ['high'] }), 'standard')).toBe(false);
  });
});
