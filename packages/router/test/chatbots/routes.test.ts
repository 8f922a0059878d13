import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { botPath, chatbotRouter } from './chatbot-router.ts';

/** Nothing here asks it anything. */
const upstreams = [{ name: 'nobody', baseUrl: 'http://127.0.0.1:9/v1', models: ['m', 'org/n'] }];
const chatbots = [
  { id: 'b', model: 'org/n', description: 'Second.', systemPrompt: 'secret-prompt', type: 'custom' },
  { id: 'a', systemPrompt: 'secret-prompt', parameters: { stop: 'secret-stop' } },
];

describe('the list of chatbots', () => {
  test('names those whose models the key allows, without their prompts and parameters', async () => {
    const router = await chatbotRouter({ upstreams, chatbots, keys: { a: {}, b: { models: ['org/n'] } } });
    const all = await router.ask('/api/v1/chatbot/list');
    expect(all.json()).toEqual({
      chatbots: [
        { id: 'a', name: 'Bot', type: 'assistant', description: '', model: 'm' },
        { id: 'b', name: 'Bot', type: 'custom', description: 'Second.', model: 'org/n' },
      ],
    });
    expect(all.text).not.toContain('secret');
    const some = await router.ask('/api/v1/chatbot/list', undefined, { key: 'b' });
    expect(some.json()).toEqual({ chatbots: [expect.objectContaining({ id: 'b' })] });
  });

  test('is for keys only', async () => {
    const router = await chatbotRouter({ upstreams, chatbots });
    expect((await router.ask('/api/v1/chatbot/list', undefined, { key: null })).code).toBe('invalid_api_key');
  });
});

describe('the models of a chatbot', () => {
  const model = { id: 'org/n', object: 'model', created: 0, owned_by: 'chatbot' };

  test('are its own and no other', async () => {
    const router = await chatbotRouter({ upstreams, chatbots });
    expect((await router.ask(botPath('/v1/models', 'b'))).json()).toEqual({ object: 'list', data: [model] });
    expect((await router.ask(botPath('/v1/models/org/n', 'b'))).json()).toEqual(model);
    const other = await router.ask(botPath('/v1/models/m', 'b'));
    expect([other.status, other.code, other.param]).toEqual([404, 'model_not_found', 'model']);
  });

  test('are for keys that allow them', async () => {
    const router = await chatbotRouter({ upstreams, chatbots, keys: { a: { models: ['m'] } } });
    expect((await router.ask(botPath('/v1/models', 'b'))).code).toBe('model_not_allowed');
    expect((await router.ask(botPath('/v1/models', 'c'))).code).toBe('chatbot_not_found');
  });
});

test('every route of the chatbots can be told in the API description', async () => {
  const { routes } = await chatbotRouter({ upstreams, chatbots });
  for (const { path, operation } of routes) {
    expect(path).toMatch(/^\/api\/v1\/chatbot\//);
    expect([operation.tag, operation.credential]).toEqual(['chatbots', 'api-key']);
    if (operation.request?.schema !== undefined) {
      expect(z.toJSONSchema(operation.request.schema)).toMatchObject({ type: 'object' });
    }
    const schemas = Object.values(operation.responses).flatMap(({ content = {} }) => Object.values(content));
    for (const schema of schemas) if (schema !== null) expect(z.toJSONSchema(schema)).toMatchObject({ type: 'object' });
  }
  expect(routes).toHaveLength(8);
});
