import { describe, expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import { errorOf, send, sendJson } from '../http-client.ts';
import { refusingBaseUrl } from '../raw-upstream.ts';
import { chat, startRouter } from '../running-router.ts';
import { json, startStandIn } from '../stand-in-upstream.ts';

const idsOf = (value: Record<string, unknown>): string[] => (value['data'] as { id: string }[]).map(({ id }) => id);

describe('the list of models', () => {
  test('holds aliases and what each upstream was given, each once', async () => {
    const { url, router } = await startRouter({
      upstreams: [
        { name: 'a', baseUrl: await refusingBaseUrl(), models: ['x', 'org/y'] },
        { name: 'b', baseUrl: await refusingBaseUrl(), models: ['x', 'z'] },
      ],
      aliases: { 'gpt-4': ['org/y'] },
    });
    const answer = await send(`${url}/v1/models`);
    expect(answer.json()).toEqual({
      object: 'list',
      data: [
        { id: 'gpt-4', object: 'model', created: 0, owned_by: 'alias' },
        { id: 'x', object: 'model', created: 0, owned_by: 'a' },
        { id: 'org/y', object: 'model', created: 0, owned_by: 'a' },
        { id: 'z', object: 'model', created: 0, owned_by: 'b' },
      ],
    });
    expect(await router.models()).toEqual(['gpt-4', 'x', 'org/y', 'z']);
  });

  test('holds what an upstream says it has, where nobody configured it', async () => {
    const upstream = await startStandIn(['found', 'org/found']);
    const { url } = await startRouter({ upstreams: [{ name: 'a', baseUrl: upstream.baseUrl }] });
    expect(idsOf((await send(`${url}/v1/models`)).json())).toEqual(['found', 'org/found']);
    expect((await sendJson(`${url}/v1/chat/completions`, chat('x', { model: 'org/found' }))).status).toBe(200);
    await upstream.close();
  });

  test.each([
    ['fails', json({}, 500)],
    ['lists something else', json({ data: [{ name: 'x' }] })],
    ['lists no list', json({ data: {} })],
    ['lists ids that are numbers', json({ data: [{ id: 5 }] })],
  ])('is empty where the upstream %s, and the router goes on', async (_what, behaviour) => {
    const upstream = await startStandIn();
    upstream.behave(behaviour);
    const { url, internalErrors } = await startRouter({ upstreams: [{ name: 'a', baseUrl: upstream.baseUrl }] });
    expect(idsOf((await send(`${url}/v1/models`)).json())).toEqual([]);
    const answer = await sendJson(`${url}/v1/chat/completions`, chat('x'));
    expect(errorOf(answer).code).toBe('model_not_found');
    expect(internalErrors).toEqual([]);
    await upstream.close();
  });

  test('is asked for again where a model is unknown, for it may be new', async () => {
    const upstream = await startStandIn([]);
    const { url } = await startRouter({ upstreams: [{ name: 'a', baseUrl: upstream.baseUrl }] });
    await eventually('the first list', () => upstream.seen.length > 0);
    upstream.behave((request, response) => {
      const answer = request.path.endsWith('/models') ? { data: [{ id: 'm' }] } : { choices: [] };
      json(answer)(request, response);
    });
    await eventually('the new model', async () => {
      return (await sendJson(`${url}/v1/chat/completions`, chat('x'))).status === 200;
    });
    await upstream.close();
  });
});

describe('one model', () => {
  const router = async () =>
    startRouter({
      upstreams: [{ name: 'a', baseUrl: await refusingBaseUrl(), models: ['org/team/y', `long-${'n'.repeat(200)}`] }],
    });

  test('is found by its name, slashes bare or escaped', async () => {
    const { url } = await router();
    for (const path of ['org/team/y', 'org%2Fteam%2Fy', `long-${'n'.repeat(200)}`]) {
      const answer = await send(`${url}/v1/models/${path}`);
      expect(answer.status, path).toBe(200);
      expect(answer.json()).toMatchObject({ object: 'model', owned_by: 'a' });
    }
  });

  test('that is not there is a 404, also where its name is no UTF-8', async () => {
    const { url } = await router();
    for (const path of ['nope', 'org/team', 'toString', '__proto__', '%ff', '%zz']) {
      const answer = await send(`${url}/v1/models/${path}`);
      expect(answer.status, path).toBe(404);
      expect(['model_not_found', 'not_found']).toContain(errorOf(answer).code);
    }
  });
});
