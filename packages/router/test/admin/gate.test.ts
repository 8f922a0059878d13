import { describe, expect, test } from 'vitest';
import { ADMIN_KEY, administration, NOW_MS, testGate } from './administration.ts';

describe('the administration', () => {
  test.each([
    ['Authorization: Bearer', { authorization: `bearer  ${ADMIN_KEY}` }],
    ['X-Admin-Key', { authorization: '', 'x-admin-key': ADMIN_KEY }],
  ])('takes its key from %s', async (_where, headers) => {
    const { ask } = await administration();
    expect((await ask('GET', '/admin/v1/keys', { headers })).status).toBe(200);
  });

  test.each([
    ['no key', { authorization: '' }, 'missing_api_key'],
    ['an empty key', { authorization: '', 'x-admin-key': '' }, 'missing_api_key'],
    ['another scheme', { authorization: 'Basic eDp5' }, 'missing_api_key'],
    ['a wrong key', { authorization: 'Bearer wrong' }, 'invalid_api_key'],
    ['a key that lacks its end', { authorization: `Bearer ${ADMIN_KEY.slice(0, -1)}` }, 'invalid_api_key'],
    ['a virtual key', { authorization: 'Bearer sotto_configured' }, 'invalid_api_key'],
    ['X-API-Key, which is for virtual keys', { authorization: '', 'x-api-key': ADMIN_KEY }, 'missing_api_key'],
  ])('refuses %s', async (_what, headers, code) => {
    const { ask } = await administration();
    for (const [method, path] of [
      ['GET', '/admin/v1/keys'],
      ['POST', '/admin/v1/keys'],
      ['GET', '/admin/v1/usage'],
    ]) {
      const answer = await ask(method ?? '', path ?? '', { headers, body: { name: 'x' } });
      expect(answer.status).toBe(401);
      expect(answer.json.error.code).toBe(code);
      expect(answer.text).not.toContain(ADMIN_KEY.slice(0, 9));
    }
  });

  test('answers nothing that may be kept', async () => {
    const { ask } = await administration();
    const good = await ask('GET', '/admin/v1/keys');
    const bad = await ask('GET', '/admin/v1/keys', { headers: { authorization: '' } });
    for (const { headers } of [good, bad]) expect(headers['cache-control']).toBe('no-store');
  });

  test.each(['http://evil.example', 'null', 'https://router.example.evil.example', 'http://router.example'])(
    'refuses a request from a page of %s',
    async (origin) => {
      const { ask, registry } = await administration();
      const answer = await ask('POST', '/admin/v1/keys', { headers: { origin }, body: { name: 'x' } });
      expect(answer.status).toBe(403);
      expect(answer.json.error).toMatchObject({ code: 'origin_not_allowed', param: 'origin' });
      expect(await registry.list()).toHaveLength(1);
    },
  );

  test.each(['cross-site', 'same-site'])('refuses what a browser sends for a %s page, Origin or none', async (site) => {
    const { ask } = await administration();
    const answer = await ask('GET', '/admin/v1/keys', { headers: { 'sec-fetch-site': site } });
    expect(answer.status).toBe(403);
    expect(answer.json.error).toMatchObject({ code: 'origin_not_allowed', param: 'sec-fetch-site' });
  });

  test.each(['same-origin', 'none'])('takes what a browser sends for %s', async (site) => {
    const { ask } = await administration();
    expect((await ask('GET', '/admin/v1/keys', { headers: { 'sec-fetch-site': site } })).status).toBe(200);
  });

  test.each([{ origin: 'https://router.example' }, { origin: 'http://127.0.0.1:12434', host: '127.0.0.1:12434' }])(
    'takes a request from its own page: %j',
    async (headers) => {
      const { ask } = await administration();
      expect((await ask('GET', '/admin/v1/keys', { headers })).status).toBe(200);
    },
  );

  test.each(['text/plain', 'application/x-www-form-urlencoded', '', 'application/json-patch+json'])(
    'changes nothing for a body of type %j',
    async (type) => {
      const { ask, registry } = await administration();
      for (const path of ['/admin/v1/keys', '/admin/v1/keys/import', '/admin/v1/keys/config:operator/revoke']) {
        const answer = await ask('POST', path, { headers: { 'content-type': type }, body: { name: 'x' } });
        expect(answer.status).toBe(415);
        expect(answer.json.error.code).toBe('unsupported_media_type');
      }
      expect(await registry.list()).toHaveLength(1);
    },
  );

  test.each([
    ['/%61dmin/v1/keys', 404],
    ['/admin/v1/../keys', 404],
    ['/Admin/v1/keys', 404],
    ['/admin/v1/keys/', 200],
  ])('at %s answers %i', async (path, status) => {
    const { ask } = await administration();
    const answer = await ask('GET', path).catch(() => ({ status: 404 }));
    expect(answer.status).toBe(status);
  });
});

describe('wrong admin keys', () => {
  const request = (authorization: string) => ({
    method: 'GET',
    path: '/admin/v1/keys',
    query: '',
    headers: { authorization },
    sealedBy: null,
    sealedTier: null,
    body: () => Promise.resolve(new Uint8Array(0)),
  });
  const sink = {
    preset: () => {},
    head: () => {},
    write: () => true,
    end: () => {},
    abort: () => {},
    onDrain: () => {},
    onClose: () => {},
  };

  test('are told to wait after ten in a second, and keep the right one out at no time', async () => {
    const { gate, clock } = testGate();
    let entered = 0;
    const guarded = gate.guard(() => void entered++);
    const knock = async (key: string): Promise<unknown> => {
      try {
        await guarded({ id: 'test', request: request(`Bearer ${key}`), sink }, {});
        return 'in';
      } catch (error) {
        return error instanceof Error && 'code' in error ? error.code : error;
      }
    };
    // Some of the first ones may fall into the second before.
    const outcomes: unknown[] = [];
    for (let count = 0; count < 30; count++) outcomes.push(await knock('wrong'));
    expect(outcomes.slice(0, 10)).toEqual(Array(10).fill('invalid_api_key'));
    expect(outcomes.at(-1)).toBe('rate_limit_exceeded');
    expect(await knock(ADMIN_KEY)).toBe('in');
    expect(await knock('wrong')).toBe('rate_limit_exceeded');
    clock.ms = NOW_MS + 60_000;
    expect(await knock(ADMIN_KEY)).toBe('in');
    expect(entered).toBe(2);
  });
});
