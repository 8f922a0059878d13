import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { upstreamsAt } from '../running-router.ts';
import {
  completion,
  completionEvents,
  json,
  type StandInUpstream,
  startStandIn,
  wellBehaved,
} from '../stand-in-upstream.ts';
import { botPath, type ChatbotRouter, chatbotRouter } from './chatbot-router.ts';

let upstream: StandInUpstream;
let router: ChatbotRouter;
beforeAll(async () => {
  upstream = await startStandIn();
});
beforeEach(async () => {
  upstream.behave(wellBehaved(['m']));
  router = await chatbotRouter({
    upstreams: upstreamsAt(upstream.baseUrl),
    chatbots: [{ parameters: { max_tokens: 9, temperature: 0 } }, { id: 'plain', systemPrompt: '' }],
  });
});
afterAll(() => upstream.close());

const user = { role: 'user', content: 'x' };
const system = { role: 'system', content: 'Be kind.' };
const asked = (): Record<string, unknown> => upstream.seen.at(-1)?.body ?? {};

describe.each(['/chat/completions', '/v1/chat/completions'])('a chatbot in OpenAI’s form at …%s', (below) => {
  const path = botPath(below);

  test('answers with the very bytes of the model server, and keeps nothing', async () => {
    const bytes = '{ "id":"x",\n "choices": [ {"later":1e400} ],"big":12345678901234567890 }\n';
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(bytes);
    });
    const answer = await router.ask(path, { messages: [user] });
    expect([answer.status, answer.text]).toEqual([200, bytes]);
    expect(answer.headers).toMatchObject({ 'x-sotto-tier': 'standard', 'x-counted': 'yes' });
    expect(router.rows.size).toBe(0);
    expect(router.counted).toEqual(['a']);
  });

  test('streams the very bytes of the model server', async () => {
    const stream = `${completionEvents(['a', ' ü']).join('')}event: x\ndata: [DONE]\n\n`;
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(stream);
    });
    expect((await router.ask(path, { messages: [user], stream: true })).text).toBe(stream);
  });

  test.each([undefined, 'gpt-4', '', 7, null])('ignores the model %o', async (model) => {
    expect((await router.ask(path, { model, messages: [user] })).status).toBe(200);
    expect(asked()['model']).toBe('m');
  });
});

describe('a request to a chatbot in OpenAI’s form', () => {
  const path = botPath('/chat/completions');

  test('gets the system prompt before its own messages, and the operator’s parameters instead of its own', async () => {
    const own = { role: 'system', content: 'Mine.' };
    const tools = [{ type: 'function', function: { name: 'f' } }];
    await router.ask(path, {
      temperature: 2,
      max_completion_tokens: 900_000,
      top_p: 0.5,
      tools,
      messages: [own, user],
    });
    expect(asked()).toEqual({
      temperature: 0,
      top_p: 0.5,
      tools,
      messages: [system, own, user],
      max_tokens: 9,
      model: 'm',
    });
  });

  test('keeps its messages as they are where the chatbot has no system prompt', async () => {
    await router.ask(botPath('/chat/completions', 'plain'), { messages: [user], temperature: 2 });
    expect(asked()).toEqual({ messages: [user], temperature: 2, model: 'm' });
  });

  test('keeps its other members’ bytes', async () => {
    upstream.behave(json(completion('x')));
    await router.ask(path, Buffer.from('{"seed": 12345678901234567890,"messages":[{"role":"user"}], "later": [1.50]}'));
    expect(upstream.seen.at(-1)?.bodyText).toContain('"seed": 12345678901234567890');
    expect(upstream.seen.at(-1)?.bodyText).toContain('"later": [1.50]');
  });

  test('brings no member that a careless reader would take for the operator’s', async () => {
    upstream.behave(json(completion('x')));
    const twins = '"Messages":[],"MESSAGES":[],"meſſages":[],"Temperature":2,"MAX_TOKENS":1,"max_toKens":1,"Model":"x"';
    const answer = await router.ask(path, Buffer.from(`{"messages":[{"role":"user","content":"x"}],${twins}}`));
    expect(answer.status).toBe(200);
    expect(Object.keys(asked()).sort()).toEqual(['max_tokens', 'messages', 'model', 'temperature']);
  });

  test.each([
    ['without messages', {}],
    ['with no message', { messages: [] }],
    ['with messages that are none', { messages: 'x' }],
  ])('%s is refused', async (_what, body) => {
    const answer = await router.ask(path, body);
    expect([answer.status, answer.code, answer.param]).toEqual([400, 'invalid_request', 'messages']);
  });

  test('is refused for a key that does not allow the model, for no key, and for no chatbot', async () => {
    const strict = await chatbotRouter({ upstreams: upstreamsAt(upstream.baseUrl), keys: { a: { models: [] } } });
    expect((await strict.ask(path, { messages: [user] })).code).toBe('model_not_allowed');
    expect((await strict.ask(path, { messages: [user] }, { key: null })).code).toBe('invalid_api_key');
    expect((await router.ask(botPath('/chat/completions', 'x'), { messages: [user] })).code).toBe('chatbot_not_found');
  });
});
