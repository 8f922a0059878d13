import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { AdminGate } from '../../src/admin/admin-gate.ts';
import { adminRoutes } from '../../src/admin/routes.ts';
import { writeCsv } from '../../src/admin/usage-csv.ts';
import { chatbotOf, chatbotSchema } from '../../src/chatbots/chatbot-schema.ts';
import { conversation, usageBatch, usageRow } from '../storage/stored.ts';
import { ADMIN_KEY, administration } from './administration.ts';

describe('an alias', () => {
  test('is made, replaced, listed and deleted, and holds at once', async () => {
    const { ask, aliases, announced } = await administration();
    const made = await ask('PUT', '/admin/v1/aliases/gpt-4', { body: { models: ['a'] } });
    expect(made.json).toEqual({ alias: 'gpt-4', models: ['a'], source: 'store' });
    await ask('PUT', '/admin/v1/aliases/org/name%20', { body: { models: ['a'] } });
    await ask('PUT', '/admin/v1/aliases/org/gpt%2D4', { body: { models: ['a', 'b/c'] } });
    expect(aliases.current).toEqual({ fixed: ['m'], 'gpt-4': ['a'], 'org/gpt-4': ['a', 'b/c'] });
    expect((await ask('GET', '/admin/v1/aliases')).json.data).toEqual([
      { alias: 'fixed', models: ['m'], source: 'configuration' },
      { alias: 'gpt-4', models: ['a'], source: 'store' },
      { alias: 'org/gpt-4', models: ['a', 'b/c'], source: 'store' },
    ]);
    expect((await ask('DELETE', '/admin/v1/aliases/gpt-4')).json).toEqual({ alias: 'gpt-4', deleted: true });
    expect((await ask('DELETE', '/admin/v1/aliases/gpt-4')).status).toBe(404);
    expect(aliases.current).toEqual({ fixed: ['m'], 'org/gpt-4': ['a', 'b/c'] });
    expect(announced).toEqual(['aliases', 'aliases', 'aliases']);
  });

  test.each([
    ['fixed', { models: ['a'] }, 409, 'alias'],
    ['x', { models: [] }, 400, 'models'],
    ['x', { models: ['a b'] }, 400, 'models[0]'],
    ['x', { models: ['a'], weight: 1 }, 400, null],
    ['a%0Ab', { models: ['a'] }, 400, 'alias'],
  ])('named %j of %j is a %i', async (name, body, status, param) => {
    const { ask, aliases } = await administration();
    const answer = await ask('PUT', `/admin/v1/aliases/${name}`, { body });
    expect(answer.status).toBe(status);
    expect(answer.json.error.param).toBe(param);
    expect(aliases.current).toEqual({ fixed: ['m'] });
  });

  test('of another process is known after a reload', async () => {
    const { store, aliases } = await administration();
    await store.aliases.put('theirs', ['a']);
    expect(aliases.current).toEqual({ fixed: ['m'] });
    await aliases.reload();
    expect(aliases.current).toEqual({ fixed: ['m'], theirs: ['a'] });
  });

  test('of the configuration is not deleted', async () => {
    const { ask } = await administration();
    expect((await ask('DELETE', '/admin/v1/aliases/fixed')).json.error.code).toBe('already_exists');
  });
});

describe('a chatbot', () => {
  const body = { name: 'Helper', model: 'm', systemPrompt: 'Be kind.', parameters: { temperature: 0.5 } };

  test('is made, replaced, listed and deleted with its conversations', async () => {
    const { ask, store, announced } = await administration();
    expect((await ask('PUT', '/admin/v1/chatbots/helper', { body })).status).toBe(200);
    const again = await ask('PUT', '/admin/v1/chatbots/helper', { body: { id: 'helper', ...body, tier: 'high' } });
    expect(again.json).toMatchObject({ id: 'helper', tier: 'high', source: 'store' });
    const { data } = (await ask('GET', '/admin/v1/chatbots')).json;
    expect(data.map(({ id, source }) => [id, source])).toEqual([
      ['fixed', 'configuration'],
      ['helper', 'store'],
    ]);
    await store.conversations.save(conversation('conv_1', { chatbotId: 'helper' }));
    expect((await ask('DELETE', '/admin/v1/chatbots/helper')).json).toEqual({ id: 'helper', deleted: true });
    expect(await store.conversations.get('conv_1', 0)).toBeNull();
    expect((await ask('DELETE', '/admin/v1/chatbots/helper')).status).toBe(404);
    expect(announced).toEqual(['chatbots', 'chatbots', 'chatbots']);
  });

  test.each([
    ['helper', { ...body, id: 'other' }, 400, 'id'],
    ['helper', { ...body, surprise: 1 }, 400, null],
    ['helper', { name: 'Helper' }, 400, 'model'],
    ['a b', body, 400, 'id'],
    ['fixed', body, 409, 'id'],
  ])('at %j of %j is a %i', async (id, definition, status, param) => {
    const { ask } = await administration();
    const answer = await ask('PUT', `/admin/v1/chatbots/${encodeURIComponent(id)}`, { body: definition });
    expect(answer.status).toBe(status);
    expect(answer.json.error.param).toBe(param);
  });
});

describe('usage', () => {
  test('has rows, names of keys, costs in dollars and totals', async () => {
    const { ask, store } = await administration();
    const { id } = (await ask('POST', '/admin/v1/keys', { body: { name: 'app' } })).json;
    await store.usage.add(
      usageBatch([
        usageRow({ keyId: id, costNanoUsd: 1_500_000_000, failed: 1 }),
        usageRow({ keyId: 'config:operator', day: '2026-01-30' }),
        usageRow({ keyId: 'config:gone', day: '2026-01-29' }),
      ]),
    );
    const { json } = await ask('GET', '/admin/v1/usage?from=2026-01-30&limit=5');
    expect(json).toMatchObject({ hasMore: false, totals: { requests: 2, failed: 1, costUsd: 1.501234567 } });
    expect(json.data).toEqual([
      {
        day: '2026-01-31',
        key: id,
        keyName: 'app',
        model: 'm',
        requests: 1,
        failed: 1,
        cancelled: 0,
        promptTokens: 10,
        cachedTokens: 4,
        completionTokens: 5,
        costUsd: 1.5,
      },
      expect.objectContaining({ keyName: 'operator', day: '2026-01-30' }),
    ]);
    expect((await ask('GET', '/admin/v1/usage?limit=1')).json).toMatchObject({
      hasMore: true,
      totals: { requests: 1 },
    });
    expect((await ask('GET', '/admin/v1/usage?key=config:gone')).json.data).toMatchObject([{ keyName: null }]);
    expect((await ask('GET', '/admin/v1/usage?model=none')).json.data).toEqual([]);
  });

  test.each(['from=2026-02-30', 'from=yesterday', 'limit=0', 'limit=100001', 'format=xml', 'key=', 'sql=1'])(
    'refuses ?%s',
    async (query) => {
      const { ask } = await administration();
      expect((await ask('GET', `/admin/v1/usage?${query}`)).json.error.code).toBe('invalid_request');
    },
  );

  test('comes as CSV too', async () => {
    const { ask, store } = await administration();
    await store.usage.add(usageBatch([usageRow({ model: 'a,"b"' })]));
    const { headers, text } = await ask('GET', '/admin/v1/usage?format=csv');
    expect(headers['content-type']).toMatch(/^text\/csv/);
    expect(text).toBe(
      'day,key,keyName,model,requests,failed,cancelled,promptTokens,cachedTokens,completionTokens,costUsd\r\n' +
        '2026-01-31,key_1,,"a,""b""",1,0,0,10,4,5,0.001234567\r\n',
    );
  });

  test.each(['=cmd()', '+1', '-1', '@sum(a1)', '\t=1', ' =1', '|calc', '%x'])('writes %j as text', (value) => {
    expect(writeCsv(['a'], [{ a: value }])).toMatch(/^a\r\n"?'/);
  });
});

test('model servers are told of as they are', async () => {
  const state = {
    name: 'near',
    tier: 'maximum',
    class: 'loopback',
    healthy: true,
    breaker: 'closed',
    closedForMs: 0,
    underWay: 1,
    waiting: 0,
    served: 5,
    failed: 0,
    resent: 0,
    consecutiveFailures: 0,
    lastFailureCode: null,
    lastChangeMs: 1,
    averageFirstByteMs: null,
    probeStatus: null,
  } as const;
  const { ask } = await administration({ upstreams: () => [state] });
  expect((await ask('GET', '/admin/v1/upstreams')).json).toEqual({ object: 'list', data: [state] });
});

test('every route is described by schemas that become JSON Schema, and asks for the admin key', async () => {
  const { registry, aliases } = await administration();
  const routes = adminRoutes({
    gate: new AdminGate({ key: ADMIN_KEY }),
    keys: registry,
    aliases,
    chatbots: {
      schema: chatbotSchema.transform(chatbotOf),
      bodySchema: chatbotSchema.partial({ id: true }),
      directory: { list: () => [], isConfigured: () => false, put: async () => {}, delete: async () => false },
    },
    usage: async () => [],
    upstreams: () => [],
    live: () => Promise.reject(new Error('nobody asks here')),
  });
  expect(routes.length).toBe(15);
  for (const { method, path, operation } of routes) {
    expect(operation.credential, path).toBe('admin-key');
    if (method === 'PUT' || method === 'PATCH') expect(operation.request?.schema, path).toBeDefined();
    const schemas = [
      operation.request?.schema,
      ...(operation.parameters ?? []).map(({ schema }) => schema),
      ...Object.values(operation.responses).flatMap(({ content }) => Object.values(content ?? {})),
    ];
    for (const schema of schemas) if (schema) z.toJSONSchema(schema, { io: 'input' });
  }
});
