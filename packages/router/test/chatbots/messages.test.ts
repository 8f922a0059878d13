import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { upstreamsAt } from '../running-router.ts';
import { completion, json, type StandInUpstream, startStandIn, wellBehaved } from '../stand-in-upstream.ts';
import { botPath, chatbotRouter } from './chatbot-router.ts';

let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
beforeEach(() => upstream.behave(wellBehaved(['m'])));
afterAll(() => upstream.close());

const CHAT = botPath('/chat');
const asked = (): Record<string, unknown> => upstream.seen.at(-1)?.body ?? {};

describe('a message to a chatbot', () => {
  test('is answered in a conversation that is begun, with what the chatbot adds', async () => {
    const router = await chatbotRouter({
      upstreams: upstreamsAt(upstream.baseUrl),
      chatbots: [{ parameters: { temperature: 0.5, max_tokens: 9 } }],
    });
    const answer = await router.ask(CHAT, { message: 'hello', later: 1 });
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual({
      conversation_id: String([...router.rows.keys()][0]),
      response: 'echo: hello',
      sources: [],
      timestamp: '2023-11-14T22:13:20.000Z',
      message_count: 2,
      usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
    });
    expect(answer.json()['conversation_id']).toMatch(/^conv_[A-Za-z0-9_-]{32}$/);
    expect(answer.headers).toMatchObject({ 'x-sotto-tier': 'standard', 'x-left': '1', 'x-counted': 'yes' });
    expect(asked()).toEqual({
      temperature: 0.5,
      max_tokens: 9,
      model: 'm',
      messages: [
        { role: 'system', content: 'Be kind.' },
        { role: 'user', content: 'hello' },
      ],
    });
  });

  test('continues a conversation with all that was said', async () => {
    const router = await chatbotRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const { conversation_id: id } = (await router.ask(CHAT, { message: 'one' })).json();
    const second = (await router.ask(CHAT, { message: 'two', conversation_id: id })).json();
    expect(second).toMatchObject({ conversation_id: id, response: 'echo: two', message_count: 4 });
    expect(asked()['messages']).toEqual([
      { role: 'system', content: 'Be kind.' },
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'echo: one' },
      { role: 'user', content: 'two' },
    ]);
  });

  test('is counted once, and so is the search for a conversation that is not there', async () => {
    const router = await chatbotRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    await router.ask(CHAT, { message: 'one' });
    await router.ask(CHAT, { message: 'two', conversation_id: `conv_${'A'.repeat(32)}` });
    expect(router.counted).toEqual(['a', 'a']);
  });

  test('leaves the oldest turns out where the model’s window is full', async () => {
    const router = await chatbotRouter({ upstreams: upstreamsAt(upstream.baseUrl), contextTokens: 600 });
    let id: unknown = null;
    for (let turn = 0; turn < 12; turn++) {
      const message = `${turn} ${'x'.repeat(100)}`;
      ({ conversation_id: id } = (await router.ask(CHAT, { message, conversation_id: id })).json());
    }
    const messages = asked()['messages'] as { role: string; content: string }[];
    expect(messages.length).toBeLessThan(14);
    expect(messages.slice(0, 2).map(({ role }) => role)).toEqual(['system', 'user']);
    expect(messages.at(-3)?.content).toMatch(/^10 x/);
  });

  test.each([
    ['no message', {}, 'message'],
    ['an empty message', { message: '' }, 'message'],
    ['a message that is no text', { message: ['x'] }, 'message'],
    ['a message without end', { message: 'x'.repeat(262_145) }, 'message'],
    ['a conversation id that is no text', { message: 'x', conversation_id: 7 }, 'conversation_id'],
    ['a stream that is neither true nor false', { message: 'x', stream: 'yes' }, 'stream'],
  ])('is refused with %s', async (_what, body, param) => {
    const router = await chatbotRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const answer = await router.ask(CHAT, body);
    expect([answer.status, answer.code, answer.param]).toEqual([400, 'invalid_request', param]);
    expect(router.rows.size).toBe(0);
  });

  test('is refused where it is not JSON, too long, without a key, or for nobody', async () => {
    const router = await chatbotRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    expect((await router.ask(CHAT, Buffer.from('{'))).code).toBe('invalid_json');
    expect((await router.ask(CHAT, Buffer.alloc(1_000_001))).code).toBe('payload_too_large');
    expect((await router.ask(CHAT, { message: 'x' }, { key: null })).code).toBe('invalid_api_key');
    for (const id of ['other', '__proto__', "x'--", '%2e%2e']) {
      const answer = await router.ask(botPath('/chat', id), { message: 'x' });
      expect([answer.status, answer.code]).toEqual([404, 'chatbot_not_found']);
    }
  });

  test('is refused where the key does not allow the chatbot’s model', async () => {
    const router = await chatbotRouter({
      upstreams: upstreamsAt(upstream.baseUrl),
      keys: { a: { models: ['other'] } },
    });
    const answer = await router.ask(CHAT, { message: 'x' });
    expect([answer.status, answer.code]).toEqual([403, 'model_not_allowed']);
  });
});

describe('an answer that fails', () => {
  test.each([
    ['with an error', json({ error: { message: 'secret-host' } }, 500), 'upstream_failed'],
    [
      'without a text',
      json({ ...completion('x'), choices: [{ message: { content: null } }] }),
      'upstream_invalid_response',
    ],
    ['without choices', json({ choices: [] }), 'upstream_invalid_response'],
  ])('%s is told as it is, and leaves the conversation as it was', async (_how, behaviour, code) => {
    const router = await chatbotRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const { conversation_id: id } = (await router.ask(CHAT, { message: 'one' })).json();
    const before = router.rows.get(String(id));
    upstream.behave(behaviour);
    const answer = await router.ask(CHAT, { message: 'two', conversation_id: id });
    expect([answer.status, answer.code]).toEqual([502, code]);
    expect(answer.text).not.toContain('secret-host');
    expect(answer.headers).toMatchObject({ 'x-counted': 'yes' });
    expect(router.rows.get(String(id))).toBe(before);
    await router.ask(CHAT, { message: 'three' });
    expect(router.rows.size).toBe(1);
  });

  test('that is too long to be kept is an error, not half a conversation', async () => {
    const router = await chatbotRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    upstream.behave(json(completion('x'.repeat(1_048_576))));
    expect((await router.ask(CHAT, { message: 'x' })).code).toBe('upstream_invalid_response');
    expect(router.rows.size).toBe(0);
  });
});
