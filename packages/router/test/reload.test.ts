import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InvalidConfigError } from '../src/config/config-fault.ts';
import { parseConfig } from '../src/config/parse.ts';
import { changedKeys, RELOADABLE_KEYS, refuseRestartKeys } from '../src/config/reload.ts';
import type { Router } from '../src/router.ts';
import { eventually, gate } from './eventually.ts';
import { chat, type TestConfig, testRouter, upstreamsAt } from './running-router.ts';
import { completion, completionEvents, json, type StandInUpstream, startStandIn } from './stand-in-upstream.ts';

let old: StandInUpstream;
let fresh: StandInUpstream;
beforeAll(async () => {
  [old, fresh] = await Promise.all([startStandIn(), startStandIn()]);
});
afterAll(() => Promise.all([old.close(), fresh.close()]));

const KEY = 'sotto_first-key';

function configAt(baseUrl: string, more: Partial<TestConfig> = {}): TestConfig {
  return { keys: [{ name: 'first', key: KEY }], upstreams: upstreamsAt(baseUrl), ...more };
}

/** What a test's router is given besides, so that nothing else differs. */
function whole(config: TestConfig) {
  return { listen: '127.0.0.1:0', auth: 'keys' as const, shutdownGraceSeconds: 1, ...config };
}

async function reload(router: Router, config: TestConfig): Promise<readonly string[]> {
  const prepared = await router.prepare(whole(config));
  prepared.commit();
  return prepared.changed;
}

function ask(router: Router, key = KEY, more: Record<string, unknown> = {}, path = 'chat/completions') {
  return router.fetch(
    new Request(`http://router/v1/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(chat('hello', more)),
    }),
  );
}

async function codeOf(answer: Response | Promise<Response>): Promise<unknown> {
  return ((await (await answer).json()) as { error?: { code: string } }).error?.code;
}

describe('a configuration that is taken over', () => {
  test('sends requests to the new model servers, and lets what is under way at the old ones finish', async () => {
    const router = await testRouter(configAt(old.baseUrl));
    const hold = gate();
    const [begin, ...rest] = completionEvents(['from the old', ' to its end']);
    old.behave(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(begin);
      await hold.opened;
      response.end(`${rest.join('')}data: [DONE]\n\n`);
    });
    fresh.behave(json(completion('from the new')));
    const underWay = await ask(router, KEY, { stream: true });
    const asked = fresh.seen.length;
    expect(await reload(router, configAt(fresh.baseUrl))).toEqual(['upstreams']);
    expect(await (await ask(router)).text()).toContain('from the new');
    expect(fresh.seen.length).toBe(asked + 1);
    expect(await old.openConnections()).toBe(1);
    hold.open();
    expect(await underWay.text()).toMatch(/to its end[\s\S]*\[DONE\]/);
    await eventually('the old one is let go', async () => (await old.openConnections()) === 0);
  });

  test('is refused where it was prepared before another that is served now', async () => {
    const router = await testRouter(configAt(old.baseUrl));
    const late = await router.prepare(whole(configAt(old.baseUrl, { aliases: { a: ['m'] } })));
    await reload(router, configAt(fresh.baseUrl));
    fresh.behave(json(completion('from the new')));
    expect(() => late.commit()).toThrow(expect.objectContaining({ code: 'invalid_config' }));
    await late.discard();
    expect(await (await ask(router)).text()).toContain('from the new');
  });

  test('admits new keys and refuses those that it has no more', async () => {
    const router = await testRouter(configAt(fresh.baseUrl));
    fresh.behave(json(completion('x')));
    expect((await ask(router)).status).toBe(200);
    await reload(router, configAt(fresh.baseUrl, { keys: [{ name: 'second', key: 'sotto_second-key' }] }));
    expect(await codeOf(ask(router))).toBe('invalid_api_key');
    expect((await ask(router, 'sotto_second-key')).status).toBe(200);
  });

  test('keeps counting against the limits of a key that stays, and holds it to the new ones', async () => {
    const keyOf = (requestsPerMinute: number) => [{ name: 'first', key: KEY, limits: { requestsPerMinute } }];
    const router = await testRouter(configAt(fresh.baseUrl, { keys: keyOf(2) }));
    fresh.behave(json(completion('x')));
    for (const status of [200, 200, 429]) expect((await ask(router)).status).toBe(status);
    await reload(router, configAt(fresh.baseUrl, { keys: keyOf(4) }));
    // The refused one counted too: three of four are spent.
    for (const status of [200, 429]) expect((await ask(router)).status).toBe(status);
    await reload(router, configAt(fresh.baseUrl, { keys: [{ name: 'first', key: KEY }] }));
    expect((await ask(router)).status).toBe(200);
  });

  test('has its aliases, default tiers, limits and origins, and loses those of before', async () => {
    fresh.behave(json(completion('x')));
    const before = configAt(fresh.baseUrl, { aliases: { was: ['m'] }, cors: { origins: ['https://was.example'] } });
    const router = await testRouter(before);
    expect((await ask(router, KEY, { model: 'was' })).status).toBe(200);
    const changed = await reload(
      router,
      configAt(fresh.baseUrl, {
        aliases: { is: ['m'] },
        cors: { origins: ['https://is.example'] },
        limits: { bodyBytes: 1_024 },
        models: { m: { defaultTier: 'high' } },
      }),
    );
    expect(changed).toEqual(['aliases.is', 'aliases.was', 'cors.origins', 'limits.bodyBytes', 'models.m']);
    expect(await codeOf(ask(router, KEY, { model: 'was' }))).toBe('model_not_found');
    expect(await codeOf(ask(router, KEY, { model: 'is' }))).toBe('sealed_request_required');
    expect(await codeOf(ask(router, KEY, { user: 'x'.repeat(2_000) }))).toBe('payload_too_large');
    const page = (origin: string) => router.fetch(new Request('http://router/health', { headers: { origin } }));
    expect((await page('https://is.example')).headers.get('access-control-allow-origin')).toBe('https://is.example');
    expect((await page('https://was.example')).headers.get('access-control-allow-origin')).toBeNull();
  });

  test('opens the administration where it has a key for it, and closes it where it has none', async () => {
    const router = await testRouter(configAt(fresh.baseUrl));
    const list = () =>
      router.fetch(new Request('http://router/admin/v1/keys', { headers: { 'x-admin-key': 'a'.repeat(24) } }));
    expect((await list()).status).toBe(404);
    await reload(router, configAt(fresh.baseUrl, { admin: { key: 'a'.repeat(24) } }));
    expect((await list()).status).toBe(200);
    await reload(router, configAt(fresh.baseUrl, { admin: { key: 'b'.repeat(24) } }));
    expect((await list()).status).toBe(401);
    await reload(router, configAt(fresh.baseUrl));
    expect((await list()).status).toBe(404);
  });

  test('keeps a model server that did not change, with what is known of it', async () => {
    const router = await testRouter(configAt(fresh.baseUrl, { admin: { key: 'a'.repeat(24) } }));
    fresh.behave(json(completion('x')));
    await ask(router);
    const [first] = upstreamsAt(fresh.baseUrl);
    const served = async () => {
      const headers = { 'x-admin-key': 'a'.repeat(24) };
      const answer = await router.fetch(new Request('http://router/admin/v1/upstreams', { headers }));
      return ((await answer.json()) as { data: { name: string; served: number }[] }).data;
    };
    const [other] = upstreamsAt(old.baseUrl);
    if (first === undefined || other === undefined) throw new Error('there is one of each');
    const upstreams = [first, { ...other, name: 'other' }];
    await reload(router, configAt(fresh.baseUrl, { admin: { key: 'a'.repeat(24) }, upstreams }));
    expect((await served()).map(({ name, served: count }) => [name, count])).toEqual([
      ['up0', 1],
      ['other', 0],
    ]);
  });
});

describe('a configuration that is not taken over', () => {
  test('leaves everything as it was', async () => {
    const router = await testRouter(configAt(fresh.baseUrl));
    fresh.behave(json(completion('x')));
    const wrong = configAt(old.baseUrl, { keys: [{ name: 'x', keyEnv: 'NOT_SET' }] });
    await expect(router.prepare(whole(wrong))).rejects.toMatchObject({ code: 'invalid_config' });
    const discarded = await router.prepare(whole(configAt(old.baseUrl, { keys: [{ name: 'x', key: 'sotto_other' }] })));
    await discarded.discard();
    const asked = fresh.seen.length;
    expect((await ask(router)).status).toBe(200);
    expect(fresh.seen.length).toBe(asked + 1);
  });

  test.each([
    ['protocols', { protocols: ['clear' as const] }],
    ['ohttp.rotationSeconds', { ohttp: { rotationSeconds: 1_000 } }],
    ['limits.replayWindowSeconds', { limits: { replayWindowSeconds: 10 } }],
    ['tls', { tls: { certFile: 'a', keyFile: 'b' } }],
    ['publicUrl', { publicUrl: 'https://other.example' }],
    ['storageKey', { storageKey: { keyFile: 'x' } }],
  ])('is refused whole where %s changed, which needs a restart', async (key, more) => {
    const router = await testRouter(configAt(fresh.baseUrl));
    const outcome = router.prepare(whole(configAt(old.baseUrl, more)));
    await expect(outcome).rejects.toMatchObject({ code: 'invalid_config', faults: [{ key }] });
  });
});

test('a key that nobody thought of needs a restart', () => {
  const config = parseConfig(whole(configAt('http://127.0.0.1:9/v1')));
  const changed = changedKeys(config, { ...config, ...{ somethingNew: 1 } });
  expect(changed).toEqual(['somethingNew']);
  expect(() => refuseRestartKeys(changed)).toThrow(InvalidConfigError);
  expect(() => refuseRestartKeys([...RELOADABLE_KEYS])).not.toThrow();
});
