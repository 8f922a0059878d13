import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { administration } from './administration.ts';

const KEYS = '/admin/v1/keys';
const sha256 = (key: string): string => createHash('sha256').update(key).digest('hex');

describe('a virtual key', () => {
  test('is shown once, and works from then on', async () => {
    const { ask, whoHolds, announced, store } = await administration();
    const made = await ask('POST', KEYS, {
      body: {
        name: 'app',
        models: ['gpt-*'],
        tiers: ['high'],
        defaultTier: 'high',
        limits: { requestsPerMinute: 5, tokensPerMinute: null },
        budget: { usd: 0.000000001, period: 'month' },
        expiresAt: '2026-06-01T14:00:01+02:00',
      },
    });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({
      name: 'app',
      source: 'store',
      state: 'active',
      models: ['gpt-*'],
      tiers: ['high'],
      defaultTier: 'high',
      limits: { requestsPerMinute: 5, requestsPerDay: null, tokensPerMinute: null },
      budget: { usd: 0.000000001, period: 'month' },
      createdAt: '2026-06-01T12:00:00.000Z',
      expiresAt: '2026-06-01T12:00:01.000Z',
      revokedAt: null,
    });
    const { key, id, hint } = made.json;
    expect(key).toMatch(/^sotto_[A-Za-z0-9_-]{43}$/);
    expect(id).toMatch(/^key_[0-9a-f]{24}$/);
    expect(key.startsWith(hint)).toBe(true);
    expect(hint).toHaveLength(10);
    expect(whoHolds(key)).toBe('app');
    expect(announced).toEqual(['keys']);
    const [stored] = await store.keys.list();
    expect(stored).toMatchObject({ budget: { nanoUsd: 1, period: 'month' } });
    for (const answer of [await ask('GET', KEYS), await ask('GET', `${KEYS}/${id}`)]) {
      expect(answer.status).toBe(200);
      expect(answer.text).toContain(id);
      for (const secret of [key, key.slice(hint.length), stored?.hash, sha256(key)])
        expect(answer.text).not.toContain(secret);
    }
    expect(JSON.stringify(await store.keys.list())).not.toContain(key.slice(hint.length));
  });

  test.each([
    ['without a name', {}, 'name'],
    ['with an empty name', { name: '' }, 'name'],
    ['with a name that ends a line', { name: 'a\r\nx-injected: 1' }, 'name'],
    ['with a name that turns the line around', { name: 'a\u202eb' }, 'name'],
    ['with half a character', { name: 'a\ud800' }, 'name'],
    ['with a name of 129 characters', { name: 'a'.repeat(129) }, 'name'],
    ['with a name that is no text', { name: { $gt: '' } }, 'name'],
    ['with an unknown member', { name: 'a', admin: true }, null],
    ['with an unknown limit', { name: 'a', limits: { requestsPerHour: 1 } }, 'limits'],
    ['with no requests at all', { name: 'a', limits: { requestsPerDay: 0 } }, 'limits.requestsPerDay'],
    ['with half a request', { name: 'a', limits: { requestsPerDay: 1.5 } }, 'limits.requestsPerDay'],
    ['with a limit in words', { name: 'a', limits: { requestsPerDay: '5' } }, 'limits.requestsPerDay'],
    ['with no models', { name: 'a', models: [] }, 'models'],
    ['with a star inside', { name: 'a', models: ['g*t'] }, 'models[0]'],
    ['with an unknown tier', { name: 'a', tiers: ['secret'] }, 'tiers[0]'],
    ['with a default that its tiers lack', { name: 'a', tiers: ['high'], defaultTier: 'maximum' }, 'defaultTier'],
    ['with a negative budget', { name: 'a', budget: { usd: -1, period: 'day' } }, 'budget.usd'],
    ['with a budget without end', { name: 'a', budget: { usd: 1e300, period: 'day' } }, 'budget.usd'],
    ['with an unknown period', { name: 'a', budget: { usd: 1, period: 'week' } }, 'budget.period'],
    ['that has expired', { name: 'a', expiresAt: '2026-06-01T12:00:00Z' }, 'expiresAt'],
    ['that expires at no time', { name: 'a', expiresAt: '2026-02-30T12:00:00Z' }, 'expiresAt'],
    ['that expires at a local time', { name: 'a', expiresAt: '2027-01-01T12:00:00' }, 'expiresAt'],
  ])('is not made %s', async (_what, body, param) => {
    const { ask, registry, announced } = await administration();
    const answer = await ask('POST', KEYS, { body });
    expect(answer.status).toBe(400);
    expect(answer.json.error).toMatchObject({ code: 'invalid_request', param });
    expect(await registry.list()).toHaveLength(1);
    expect(announced).toEqual([]);
  });

  test.each(['', '[]', '"x"', '{"name":"a"', 'null'])('is not made of %j', async (body) => {
    const { ask } = await administration();
    const answer = await ask('POST', KEYS, { body });
    expect(answer.status).toBe(400);
    expect(answer.json.error.code).toBe('invalid_json');
  });

  test('has a name of its own, also beside the configuration', async () => {
    const { ask } = await administration();
    expect((await ask('POST', KEYS, { body: { name: 'app' } })).status).toBe(201);
    for (const name of ['app', 'operator']) {
      const answer = await ask('POST', KEYS, { body: { name } });
      expect(answer.status).toBe(409);
      expect(answer.json.error).toMatchObject({ code: 'already_exists', param: 'name' });
    }
  });

  test('may be called what a statement would take for its own', async () => {
    const { ask, store } = await administration();
    for (const name of ["'; drop table virtual_keys; --", '../../admin', '__proto__', '%00', 'Zoë 🔑']) {
      const { json } = await ask('POST', KEYS, { body: { name, models: [name.replaceAll(' ', '')] } });
      expect((await ask('GET', `${KEYS}/${json.id}`)).json.name).toBe(name);
    }
    expect(await store.keys.list()).toHaveLength(5);
    for (const id of ["key_' or 1=1 --", '%27%20or%201=1', '%00', '__proto__', '..']) {
      const answer = await ask('GET', `${KEYS}/${id}`);
      expect(answer.status).toBe(404);
      expect(answer.json.error.code).toBe('not_found');
    }
  });

  test('is changed where the change says so, and at once', async () => {
    const { ask, ring, announced } = await administration();
    const body = { name: 'app', models: ['m'], limits: { requestsPerMinute: 5, requestsPerDay: 50 } };
    const { key, id } = (await ask('POST', KEYS, { body })).json;
    const changed = await ask('PATCH', `${KEYS}/${id}`, {
      body: { models: null, limits: { requestsPerMinute: null, tokensPerMinute: 7 } },
    });
    expect(changed.status).toBe(200);
    expect(changed.json).toMatchObject({
      name: 'app',
      models: null,
      limits: { requestsPerMinute: null, requestsPerDay: 50, tokensPerMinute: 7 },
    });
    const rights = { models: undefined, requestsPerMinute: undefined, requestsPerDay: 50, tokensPerMinute: 7 };
    expect(ring.authenticate({ 'x-api-key': key })).toMatchObject(rights);
    expect(announced).toEqual(['keys', 'keys']);
    expect((await ask('PATCH', `${KEYS}/${id}`, { body: { limits: null } })).json.limits).toEqual({
      requestsPerMinute: null,
      requestsPerDay: null,
      tokensPerMinute: null,
    });
    expect((await ask('PATCH', `${KEYS}/${id}`, { body: { name: 'operator' } })).json.error.param).toBe('name');
    expect((await ask('PATCH', `${KEYS}/key_none`, { body: {} })).status).toBe(404);
    const late = await ask('PATCH', `${KEYS}/${id}`, { body: { tiers: ['standard'], defaultTier: 'high' } });
    expect(late.json.error.param).toBe('defaultTier');
  });

  test('is revoked for good, at once, and twice as once', async () => {
    const { ask, whoHolds, announced } = await administration();
    const { key, id } = (await ask('POST', KEYS, { body: { name: 'app' } })).json;
    for (let count = 0; count < 2; count++) {
      const revoked = await ask('POST', `${KEYS}/${id}/revoke`);
      expect(revoked.status).toBe(200);
      expect(revoked.json).toMatchObject({ state: 'revoked', revokedAt: '2026-06-01T12:00:00.000Z' });
    }
    expect(whoHolds(key)).toBe('api_key_revoked');
    expect(announced).toEqual(['keys', 'keys']);
    await ask('PATCH', `${KEYS}/${id}`, { body: { expiresAt: null } });
    expect(whoHolds(key)).toBe('api_key_revoked');
    expect((await ask('POST', `${KEYS}/key_none/revoke`)).status).toBe(404);
  });

  test('of the configuration is shown and not changed', async () => {
    const { ask, whoHolds } = await administration();
    const shown = await ask('GET', `${KEYS}/config:operator`);
    expect(shown.json).toMatchObject({ id: 'config:operator', source: 'configuration', createdAt: null, hint: '' });
    const asked = [
      await ask('PATCH', `${KEYS}/config:operator`, { body: { name: 'mine' } }),
      await ask('POST', `${KEYS}/config:operator/revoke`),
    ];
    for (const { status, json } of asked) {
      expect(status).toBe(409);
      expect(json.error).toMatchObject({ code: 'already_exists', param: 'id' });
    }
    expect(whoHolds('sotto_configured')).toBe('operator');
  });
});

describe('the list of virtual keys', () => {
  test('comes in pages', async () => {
    const { ask } = await administration();
    for (const name of ['a', 'b', 'c', 'd']) await ask('POST', KEYS, { body: { name } });
    const seen: string[] = [];
    let after = '';
    for (;;) {
      const { json } = await ask('GET', `${KEYS}?limit=2${after}`);
      seen.push(...json.data.map(({ name }) => name));
      after = `&after=${json.data.at(-1)?.id}`;
      if (!json.hasMore) break;
    }
    expect(seen[0]).toBe('operator');
    expect(seen.slice(1).sort()).toEqual(['a', 'b', 'c', 'd']);
  });

  test.each(['limit=0', 'limit=1001', 'limit=x', 'after=key_none', 'hash=1'])('refuses ?%s', async (query) => {
    const { ask } = await administration();
    expect((await ask('GET', `${KEYS}?${query}`)).json.error.code).toBe('invalid_request');
  });
});

describe('an import', () => {
  const KNOWN = 'condt_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=';

  test('takes keys in clear and keys known by their hash', async () => {
    const { ask, whoHolds } = await administration();
    const answer = await ask('POST', `${KEYS}/import`, {
      body: {
        keys: [
          { name: 'conduit', sha256: sha256(KNOWN).toUpperCase(), models: ['gpt-*'] },
          { name: 'enclava', key: 'enclv_0123456789abcdef0123456789abcdef' },
          { name: 'short', key: 'en_0123456789abc', expiresAt: '2026-06-01T12:00:01Z' },
        ],
      },
    });
    expect(answer.status).toBe(201);
    expect(answer.json.data.map(({ hint }) => hint)).toEqual(['', 'enclv_0123', '']);
    expect(answer.text).not.toMatch(/0123456789|condt_/);
    expect(whoHolds(KNOWN)).toBe('conduit');
    expect(whoHolds('enclv_0123456789abcdef0123456789abcdef')).toBe('enclava');
    expect(whoHolds('en_0123456789abc')).toBe('short');
    expect(whoHolds(sha256(KNOWN))).toBe('invalid_api_key');
  });

  const good = { name: 'good', key: 'enclv_good-0123456789' };
  test.each([
    ['a name twice', [good, { name: 'good', key: 'enclv_other-0123456789' }], 'keys[1].name'],
    ['a key twice', [good, { name: 'other', key: good.key }], 'keys[1].key'],
    ['a key and its hash', [good, { name: 'other', sha256: sha256(good.key) }], 'keys[1].sha256'],
    ['a name of the configuration', [good, { name: 'operator', key: 'enclv_other-0123456789' }], 'keys[1].name'],
    ['a key of the configuration', [good, { name: 'other', key: 'sotto_configured' }], 'keys[1].key'],
  ])('with %s takes none', async (_what, keys, param) => {
    const { ask, store, whoHolds } = await administration();
    const answer = await ask('POST', `${KEYS}/import`, { body: { keys } });
    expect(answer.status).toBe(409);
    expect(answer.json.error).toMatchObject({ code: 'already_exists', param });
    expect(answer.text).not.toContain('0123456789');
    expect(await store.keys.list()).toEqual([]);
    expect(whoHolds(good.key)).toBe('invalid_api_key');
  });

  test.each([
    ['no keys', { keys: [] }, 'keys'],
    ['1,001 keys', { keys: Array.from({ length: 1_001 }, () => good) }, 'keys'],
    ['a list alone', '[]', null],
    ['neither key nor hash', { keys: [{ name: 'x' }] }, 'keys[0]'],
    ['both', { keys: [{ ...good, sha256: sha256(good.key) }] }, 'keys[0]'],
    ['a short hash', { keys: [{ name: 'x', sha256: 'abc' }] }, 'keys[0].sha256'],
    ['a key with a space', { keys: [{ name: 'x', key: 'enclv_0123456789 x' }] }, 'keys[0].key'],
    ['a short key', { keys: [{ name: 'x', key: 'short' }] }, 'keys[0].key'],
  ])('of %s is refused', async (_what, body, param) => {
    const { ask, store } = await administration();
    const answer = await ask('POST', `${KEYS}/import`, { body });
    expect(answer.status).toBe(400);
    expect(answer.json.error.param).toBe(param);
    expect(await store.keys.list()).toEqual([]);
  });

  test('takes a thousand at once', async () => {
    const { ask, store } = await administration();
    const keys = Array.from({ length: 1_000 }, (_, index) => ({ name: `k${index}`, sha256: sha256(`k${index}`) }));
    expect((await ask('POST', `${KEYS}/import`, { body: { keys } })).status).toBe(201);
    expect(await store.keys.list()).toHaveLength(1_000);
  });
});
