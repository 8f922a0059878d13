import { describe, expect, test } from 'vitest';
import { KeyHash } from '../../src/virtual-keys/key-hash.ts';
import { type KeyDefinition, KeyRegistry } from '../../src/virtual-keys/key-registry.ts';
import { KeyRing } from '../../src/virtual-keys/key-ring.ts';
import type { KeyStore } from '../../src/virtual-keys/key-store.ts';
import { administration } from '../admin/administration.ts';
import { gate } from '../eventually.ts';
import { STORAGE_KEY } from '../storage/folder.ts';

const definition: KeyDefinition = {
  name: 'app',
  models: undefined,
  tiers: undefined,
  defaultTier: undefined,
  requestsPerMinute: undefined,
  requestsPerDay: undefined,
  tokensPerMinute: undefined,
  budget: undefined,
  expiresAtMs: null,
};

const registryOver = (store: KeyStore): { readonly registry: KeyRegistry; readonly ring: KeyRing } => {
  const keyHash = new KeyHash(STORAGE_KEY);
  const ring = new KeyRing([], keyHash);
  return { registry: new KeyRegistry({ ring, store, keyHash, prefix: 'sotto_' }), ring };
};

describe('two processes over one store', () => {
  test('know each other’s keys after a reload', async () => {
    const { store } = await administration();
    const mine = registryOver(store.keys);
    const theirs = registryOver(store.keys);
    const { key, listed } = await mine.registry.make(definition);
    const headers = { 'x-api-key': key };
    expect(mine.ring.authenticate(headers).id).toBe(listed.id);
    expect(() => theirs.ring.authenticate(headers)).toThrowError(expect.objectContaining({ code: 'invalid_api_key' }));
    await theirs.registry.reload();
    expect(theirs.ring.authenticate(headers).id).toBe(listed.id);
    await theirs.registry.revoke(listed.id);
    await mine.registry.reload();
    expect(() => mine.ring.authenticate(headers)).toThrowError(expect.objectContaining({ code: 'api_key_revoked' }));
  });

  test('cannot both make a key of one name', async () => {
    const { store } = await administration();
    const made = [registryOver(store.keys), registryOver(store.keys)].map(({ registry }) => registry.make(definition));
    const outcomes = await Promise.allSettled(made);
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'already_exists' } });
  });
});

describe('a registry', () => {
  test('does not undo a revocation with a reload that began before it', async () => {
    const { store } = await administration();
    const { opened, open } = gate();
    const slow: KeyStore = {
      ...store.keys,
      list: async () => {
        const keys = await store.keys.list();
        await opened;
        return keys;
      },
    };
    const { key, listed } = await registryOver(store.keys).registry.make(definition);
    const { registry, ring } = registryOver(slow);
    const reloading = registry.reload();
    const revoking = registry.revoke(listed.id);
    open();
    await Promise.all([reloading, revoking]);
    expect(() => ring.authenticate({ 'x-api-key': key })).toThrowError(
      expect.objectContaining({ code: 'api_key_revoked' }),
    );
  });

  test('keeps its keys while the store is away, and refuses to make new ones', async () => {
    const { store } = await administration();
    const { registry, ring } = registryOver(store.keys);
    const { key, listed } = await registry.make(definition);
    await store.close();
    const unavailable = { code: 'store_unavailable' };
    await expect(registry.reload()).rejects.toMatchObject(unavailable);
    await expect(registry.make({ ...definition, name: 'other' })).rejects.toMatchObject(unavailable);
    await expect(registry.revoke(listed.id)).rejects.toMatchObject(unavailable);
    expect(ring.authenticate({ 'x-api-key': key }).name).toBe('app');
  });

  test('never makes a key twice', async () => {
    const { store } = await administration();
    const { registry } = registryOver(store.keys);
    const names = Array.from({ length: 100 }, (_, index) => `k${index}`);
    const made = await Promise.all(names.map((name) => registry.make({ ...definition, name })));
    expect(new Set(made.map(({ key }) => key)).size).toBe(100);
    expect(new Set(made.map(({ listed }) => listed.id)).size).toBe(100);
    expect(await registry.list()).toHaveLength(100);
  });
});
