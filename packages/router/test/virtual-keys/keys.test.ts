import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RouterConfigInput } from '../../src/config/schema.ts';
import { type Answer, errorOf, send, sendJson } from '../http-client.ts';
import { ask as askSealed } from '../nomyo-client.ts';
import { chat, startRouter, testRouter } from '../running-router.ts';
import { completion, json, type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let upstream: StandInUpstream;
let folder: string;
beforeAll(async () => {
  upstream = await startStandIn();
  upstream.behave(json(completion('x')));
  folder = mkdtempSync(join(tmpdir(), 'sotto-'));
});
afterAll(async () => {
  await upstream.close();
  rmSync(folder, { recursive: true });
});

const start = (keys: RouterConfigInput['keys'], environment = {}) =>
  startRouter(
    {
      upstreams: [
        { name: 'near', baseUrl: upstream.baseUrl, models: ['m', 'gpt-4o', 'org/x'], tier: 'maximum', sameTee: true },
      ],
      aliases: { nick: ['org/x'] },
      keys: keys ?? [],
    },
    { environment },
  );

const ask = (url: string, headers: Record<string, string>, model = 'm'): Promise<Answer> =>
  sendJson(`${url}/v1/chat/completions`, chat('x', { model }), headers);

describe('an API key', () => {
  test.each([
    ['Authorization: Bearer', { authorization: 'Bearer condt_a+b/c=12' }],
    ['bearer in lower case, with spaces', { authorization: 'bearer   condt_a+b/c=12 ' }],
    ['X-API-Key', { 'x-api-key': 'condt_a+b/c=12' }],
    ['X-API-Key beside another scheme', { authorization: 'Basic eDp5', 'x-api-key': 'condt_a+b/c=12' }],
  ])('is read from %s', async (_where, headers) => {
    const { url } = await start([{ name: 'one', key: 'condt_a+b/c=12' }]);
    expect((await ask(url, headers)).status).toBe(200);
  });

  test.each([
    ['missing', {}, 'missing_api_key'],
    ['empty', { 'x-api-key': '' }, 'missing_api_key'],
    ['of another scheme', { authorization: 'Basic eDp5' }, 'missing_api_key'],
    ['of no scheme', { authorization: 'sotto_good-key' }, 'missing_api_key'],
    ['unknown', { authorization: 'Bearer sotto_bad-key' }, 'invalid_api_key'],
    ['good but for its case', { authorization: 'Bearer SOTTO_GOOD-KEY' }, 'invalid_api_key'],
    ['good but for its end', { authorization: 'Bearer sotto_good-ke' }, 'invalid_api_key'],
    ['the name of the key', { 'x-api-key': 'one' }, 'invalid_api_key'],
    [
      'wrong as a bearer, good beside it',
      { authorization: 'Bearer no-such-key', 'x-api-key': 'sotto_good-key' },
      'invalid_api_key',
    ],
  ])('%s is a 401', async (_what, headers, code) => {
    const { url } = await start([{ name: 'one', key: 'sotto_good-key' }]);
    for (const answer of [await ask(url, headers), await send(`${url}/v1/models`, { headers })]) {
      expect(answer.status).toBe(401);
      expect(errorOf(answer)).toMatchObject({ code, type: 'authentication_error' });
      expect(answer.text).not.toMatch(/sotto_|no-such-key/);
    }
  });

  test('may come from a file or the environment', async () => {
    const file = join(folder, 'key');
    writeFileSync(file, '  sotto_from-file\n');
    const { url } = await start(
      [
        { name: 'file', keyFile: file },
        { name: 'env', keyEnv: 'MY_KEY' },
      ],
      { MY_KEY: 'sotto_from-env' },
    );
    for (const key of ['sotto_from-file', 'sotto_from-env']) {
      expect((await ask(url, { 'x-api-key': key })).status).toBe(200);
    }
  });

  test.each([
    ['a file that is not there', [{ name: 'one', keyFile: '/no/such/file' }]],
    ['a variable that is not set', [{ name: 'one', keyEnv: 'NOT_SET' }]],
    ['a variable that is empty', [{ name: 'one', keyEnv: 'EMPTY' }]],
    ['a variable with a short key', [{ name: 'one', keyEnv: 'SHORT' }]],
    ['a variable with a space in it', [{ name: 'one', keyEnv: 'SPACED' }]],
    [
      'the same key twice',
      [
        { name: 'one', key: 'sotto_same-key' },
        { name: 'two', key: 'sotto_same-key' },
      ],
    ],
  ])('is not read from %s: the router does not start', async (_where, keys) => {
    const environment = { EMPTY: '', SHORT: 'short', SPACED: 'sotto key with spaces' };
    const upstreams = [{ name: 'a', baseUrl: upstream.baseUrl }];
    const started = testRouter({ upstreams, keys }, { environment });
    await expect(started).rejects.toMatchObject({ name: 'ConfigurationError', code: 'invalid_config' });
    await expect(started).rejects.not.toThrow(/sotto_same-key|sotto key with/);
  });
});

describe('the models of a key', () => {
  const keys = [{ name: 'one', key: 'sotto_good-key', models: ['gpt-*', 'nick'] }];
  const mine = { 'x-api-key': 'sotto_good-key' };

  test.each([
    ['gpt-4o', 200],
    ['nick', 200],
    ['m', 403],
    ['org/x', 403],
    ['near/gpt-4o', 403],
    ['nope', 403],
    ['gpt-5', 404],
  ])('make %s a %i', async (model, status) => {
    const { url } = await start(keys);
    const answer = await ask(url, mine, model);
    expect(answer.status).toBe(status);
    if (status === 403) expect(errorOf(answer)).toMatchObject({ code: 'model_not_allowed', param: 'model' });
    if (status === 404) expect(errorOf(answer).message).not.toMatch(/org\/x|\bm\b/);
  });

  test('are the ones that are listed and shown', async () => {
    const { url } = await start(keys);
    const { data } = (await send(`${url}/v1/models`, { headers: mine })).json() as { data: { id: string }[] };
    expect(data.map(({ id }) => id)).toEqual(['nick', 'gpt-4o']);
    expect((await send(`${url}/v1/models/gpt-4o`, { headers: mine })).status).toBe(200);
    expect(errorOf(await send(`${url}/v1/models/org/x`, { headers: mine })).code).toBe('model_not_found');
  });

  test('of "*" are all', async () => {
    const { url } = await start([{ name: 'one', key: 'sotto_good-key', models: ['*'] }]);
    expect((await ask(url, mine, 'org/x')).status).toBe(200);
  });
});

describe('the tiers of a key', () => {
  test('let those through and no other, sealed or not', async () => {
    const keys: RouterConfigInput['keys'] = [
      { name: 'quiet', key: 'sotto_quiet-key', tiers: ['high'] },
      { name: 'plain', key: 'sotto_plain-key', tiers: ['standard'] },
    ];
    const { url } = await start(keys);
    const asked = async (key: string, tier: 'standard' | 'high' | 'maximum') =>
      askSealed(url, chat('x'), { tier, headers: { 'x-api-key': key } });
    expect((await asked('sotto_quiet-key', 'high')).status).toBe(200);
    expect((await asked('sotto_plain-key', 'standard')).status).toBe(200);
    for (const answer of [
      await asked('sotto_quiet-key', 'maximum'),
      await asked('sotto_plain-key', 'high'),
      await ask(url, { 'x-api-key': 'sotto_quiet-key' }),
    ]) {
      expect(answer.status).toBe(403);
      expect(errorOf(answer)).toMatchObject({ code: 'tier_not_allowed', param: 'security_tier' });
    }
  });
});

describe('the key of an upstream', () => {
  test('comes from the environment or a file, and is the only one the upstream sees', async () => {
    const file = join(folder, 'upstream-key');
    writeFileSync(file, 'sk-file\n');
    const { url } = await startRouter(
      {
        upstreams: [
          { name: 'a', baseUrl: upstream.baseUrl, models: ['env'], apiKeyEnv: 'UP_KEY' },
          { name: 'b', baseUrl: upstream.baseUrl, models: ['file'], apiKeyFile: file },
          { name: 'c', baseUrl: upstream.baseUrl, models: ['none'] },
        ],
      },
      { environment: { UP_KEY: 'sk-env' } },
    );
    const sent = async (model: string) => {
      await ask(url, { authorization: 'Bearer callers-own' }, model);
      return upstream.seen.at(-1)?.headers.authorization;
    };
    expect(await sent('env')).toBe('Bearer sk-env');
    expect(await sent('file')).toBe('Bearer sk-file');
    expect(await sent('none')).toBeUndefined();
  });

  test('that is not there keeps the router from starting', async () => {
    const upstreams = [{ name: 'a', baseUrl: upstream.baseUrl, apiKeyEnv: 'NOT_SET' }];
    await expect(testRouter({ upstreams })).rejects.toMatchObject({ code: 'invalid_config' });
  });

  test('with a line break in it sends nothing, and harms nobody', async () => {
    const { url } = await startRouter(
      { upstreams: [{ name: 'a', baseUrl: upstream.baseUrl, models: ['m'], apiKeyEnv: 'UP_KEY' }] },
      { environment: { UP_KEY: 'sk-env\r\nx-injected: 1' } },
    );
    const asked = upstream.seen.length;
    expect((await ask(url, {})).status).toBeGreaterThanOrEqual(500);
    expect(upstream.seen).toHaveLength(asked);
    expect((await send(`${url}/health`)).status).toBe(200);
  });
});
