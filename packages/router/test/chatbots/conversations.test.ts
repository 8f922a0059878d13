import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { StoredConversation } from '../../src/chatbots/conversation-store.ts';
import { type Gate, gate } from '../eventually.ts';
import { upstreamsAt } from '../running-router.ts';
import { type StandInUpstream, startStandIn, wellBehaved } from '../stand-in-upstream.ts';
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
    chatbots: [{}, { id: 'other' }, { id: 'brief', ttlSeconds: 60 }],
  });
});
afterAll(() => upstream.close());

const CHAT = botPath('/chat');
const path = (id: string, bot = 'bot'): string => botPath(`/conversations/${id}`, bot);

async function begin(message = 'one', bot = 'bot'): Promise<string> {
  return String((await router.ask(botPath('/chat', bot), { message })).json()['conversation_id']);
}

function rowOf(id: string): StoredConversation {
  const row = router.rows.get(id);
  if (row === undefined) throw new Error('no such row');
  return row;
}

const NOT_FOUND = [404, 'conversation_not_found', 'conversation_id'];

describe('a conversation', () => {
  test('is read by the key that made it', async () => {
    const id = await begin('one\u0000 “ü”');
    const answer = await router.ask(path(id));
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.json()).toEqual({
      conversation_id: id,
      chatbot_id: 'bot',
      messages: [
        { role: 'user', content: 'one\u0000 “ü”' },
        { role: 'assistant', content: 'echo: one\u0000 “ü”' },
      ],
      message_count: 2,
      expires_at: '2023-11-14T23:13:20.000Z',
    });
  });

  test('is to another key, and to another chatbot, as if it had never been', async () => {
    const id = await begin();
    const never = `conv_${'A'.repeat(32)}`;
    for (const [wanted, bot, key] of [
      [id, 'bot', 'b'],
      [id, 'other', 'a'],
      [never, 'bot', 'a'],
      ['../../admin', 'bot', 'a'],
      ["conv_' OR 1=1", 'bot', 'a'],
      ['', 'bot', 'a'],
    ] as const) {
      const answers = [await router.ask(botPath('/chat', bot), { message: 'x', conversation_id: wanted }, { key })];
      if (wanted !== '') {
        answers.push(await router.ask(path(encodeURIComponent(wanted), bot), undefined, { key }));
        answers.push(await router.ask(path(encodeURIComponent(wanted), bot), undefined, { key, method: 'DELETE' }));
      }
      for (const answer of answers) expect([answer.status, answer.code, answer.param]).toEqual(NOT_FOUND);
    }
    expect((await router.ask(path(id))).status).toBe(200);
  });

  test('is deleted on request, once', async () => {
    const id = await begin();
    const first = await router.ask(path(id), undefined, { method: 'DELETE' });
    expect(first.json()).toEqual({ conversation_id: id, deleted: true });
    expect(router.rows.size).toBe(0);
    expect((await router.ask(path(id), undefined, { method: 'DELETE' })).code).toBe('conversation_not_found');
    expect((await router.ask(CHAT, { message: 'x', conversation_id: id })).code).toBe('conversation_not_found');
  });

  test('is over when its time is, unless it was continued, whatever the store still holds', async () => {
    const [long, brief] = [await begin(), await begin('one', 'brief')];
    router.clock.nowMs += 59_000;
    const again = await router.ask(botPath('/chat', 'brief'), { message: 'two', conversation_id: brief });
    expect(again.status).toBe(200);
    router.clock.nowMs += 60_000;
    expect((await router.ask(path(brief, 'brief'))).code).toBe('conversation_not_found');
    expect((await router.ask(path(long))).status).toBe(200);
    // A store that forgets to look at the time.
    const { get } = router.store;
    Object.assign(router.store, { get: (id: string) => get(id, 0) });
    expect((await router.ask(path(brief, 'brief'))).code).toBe('conversation_not_found');
    expect(router.rows.has(brief)).toBe(true);
  });

  test('ends with its chatbot', async () => {
    const { chatbots, rows } = router;
    const made = chatbots.get('bot');
    if (made === null) throw new Error('no chatbot');
    await chatbots.put({ ...made, id: 'stored' });
    await begin('one', 'stored');
    const kept = await begin();
    await chatbots.delete('stored');
    expect([...rows.keys()]).toEqual([kept]);
    expect((await router.ask(botPath('/chat', 'stored'), { message: 'x' })).code).toBe('chatbot_not_found');
  });
});

describe('two messages to one conversation at once', () => {
  let slowly: Gate;
  beforeEach(() => {
    slowly = gate();
    const behaved = wellBehaved(['m']);
    upstream.behave(async (request, response) => {
      const messages = request.body['messages'] as { content: string }[];
      if (messages.at(-1)?.content === 'slow') await slowly.opened;
      await behaved(request, response);
    });
  });

  test('are both kept, in the order of their answers', async () => {
    const id = await begin();
    const slow = router.ask(CHAT, { message: 'slow', conversation_id: id });
    expect((await router.ask(CHAT, { message: 'quick', conversation_id: id })).json()['message_count']).toBe(4);
    slowly.open();
    expect((await slow).json()).toMatchObject({ conversation_id: id, response: 'echo: slow', message_count: 6 });
    const messages = (await router.ask(path(id))).json()['messages'] as { content: string }[];
    expect(messages.filter((_each, index) => index % 2 === 0).map(({ content }) => content)).toEqual([
      'one',
      'quick',
      'slow',
    ]);
    expect(rowOf(id).version).toBe(3);
  });

  test('do not bring back what was deleted meanwhile', async () => {
    const id = await begin();
    const slow = router.ask(CHAT, { message: 'slow', conversation_id: id });
    await router.ask(path(id), undefined, { method: 'DELETE' });
    slowly.open();
    expect((await slow).code).toBe('conversation_not_found');
    expect(router.rows.size).toBe(0);
  });

  test('are refused as overloaded where the store never takes the turn', async () => {
    const id = await begin();
    Object.assign(router.store, { save: async () => false });
    const answer = await router.ask(CHAT, { message: 'two', conversation_id: id });
    expect([answer.status, answer.code]).toEqual([503, 'overloaded']);
    expect(answer.headers['retry-after']).toBe('1');
  });
});

describe('the rows of a store', () => {
  test('hold nothing of what was said', async () => {
    const canary = 'canary-5f0c-ünlesbar';
    const id = await begin(canary);
    await router.ask(CHAT, { message: canary, conversation_id: id });
    const { sealed, ...rest } = rowOf(id);
    expect(JSON.stringify(rest)).not.toContain('canary');
    for (const encoding of ['utf8', 'utf16le', 'base64', 'hex'] as const) {
      const written = Buffer.from(canary).toString(encoding);
      expect(Buffer.from(sealed).includes(written)).toBe(false);
    }
    expect(Buffer.from(sealed).includes(Buffer.from(router.sealKey))).toBe(false);
    expect(JSON.stringify(router.reports)).not.toContain('canary');
  });

  test('tell little of how much was said', async () => {
    const lengths = new Set<number>();
    for (const size of [1, 50, 100, 200, 400]) lengths.add(rowOf(await begin('x'.repeat(size))).sealed.length);
    expect([...lengths]).toEqual([12 + 1_024 + 16]);
  });

  test('never hold the same bytes twice for the same words', async () => {
    const [first, second] = [rowOf(await begin()), rowOf(await begin())];
    expect(Buffer.from(first.sealed).equals(second.sealed)).toBe(false);
    expect(Buffer.from(first.sealed.subarray(0, 12)).equals(second.sealed.subarray(0, 12))).toBe(false);
  });

  test.each([
    ['under another id', (row: StoredConversation, other: StoredConversation) => ({ ...row, sealed: other.sealed })],
    ['with another version', (row: StoredConversation) => ({ ...row, version: row.version + 1 })],
    ['with more time', (row: StoredConversation) => ({ ...row, expiresAtMs: row.expiresAtMs + 1 })],
    ['cut short', (row: StoredConversation) => ({ ...row, sealed: row.sealed.subarray(0, -1) })],
    ['cut to nothing', (row: StoredConversation) => ({ ...row, sealed: new Uint8Array() })],
    ['without end', (row: StoredConversation) => ({ ...row, sealed: new Uint8Array(4_000_000) })],
  ])(
    'do not open %s: the caller is told what they always are, and the operator that it happened',
    async (_how, change) => {
      const [id, other] = [await begin(), await begin()];
      router.rows.set(id, change(rowOf(id), rowOf(other)));
      const answer = await router.ask(CHAT, { message: 'two', conversation_id: id });
      expect([answer.status, answer.code, answer.param]).toEqual(NOT_FOUND);
      expect(router.reports).toEqual([expect.objectContaining({ code: 'decryption_failed' })]);
    },
  );

  test('do not open for another key or chatbot that they were moved to', async () => {
    const id = await begin();
    const row = rowOf(id);
    router.rows.set(id, { ...row, keyId: 'b' });
    expect((await router.ask(path(id), undefined, { key: 'b' })).code).toBe('conversation_not_found');
    router.rows.set(id, { ...row, chatbotId: 'other' });
    expect((await router.ask(path(id, 'other'))).code).toBe('conversation_not_found');
    expect(router.reports).toHaveLength(2);
  });

  test('can be deleted where they no longer open', async () => {
    const id = await begin();
    router.rows.set(id, { ...rowOf(id), sealed: new Uint8Array(64) });
    expect((await router.ask(path(id), undefined, { method: 'DELETE' })).status).toBe(200);
  });
});
