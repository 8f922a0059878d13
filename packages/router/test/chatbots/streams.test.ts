import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { CollectingSink } from '../../src/http/collecting-sink.ts';
import { eventually } from '../eventually.ts';
import { upstreamsAt } from '../running-router.ts';
import { completionEvents, type StandInUpstream, startStandIn, wellBehaved } from '../stand-in-upstream.ts';
import { botPath, type ChatbotRouter, chatbotRouter } from './chatbot-router.ts';

let upstream: StandInUpstream;
let router: ChatbotRouter;
beforeAll(async () => {
  upstream = await startStandIn();
});
beforeEach(async () => {
  upstream.behave(wellBehaved(['m']));
  router = await chatbotRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
});
afterAll(() => upstream.close());

const CHAT = botPath('/chat');
const eventsOf = (text: string): Record<string, unknown>[] =>
  text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => JSON.parse(event.slice('data: '.length)) as Record<string, unknown>);

describe('a streamed message to a chatbot', () => {
  test('is answered piece by piece, and continued like any other', async () => {
    const answer = await router.ask(CHAT, { message: 'one two', stream: true });
    expect(answer.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'x-sotto-tier': 'standard',
      'x-counted': 'yes',
    });
    const events = eventsOf(answer.text);
    expect(events.slice(0, -1)).toEqual([{ delta: 'echo:' }, { delta: ' one' }, { delta: ' two' }]);
    expect(events.at(-1)).toMatchObject({ done: true, response: 'echo: one two', message_count: 2, sources: [] });
    const id = events.at(-1)?.['conversation_id'];
    const next = await router.ask(CHAT, { message: 'three', conversation_id: id });
    expect(next.json()).toMatchObject({ conversation_id: id, message_count: 4 });
    expect(upstream.seen.at(-1)?.body['messages']).toContainEqual({ role: 'assistant', content: 'echo: one two' });
  });

  test('ends with the usage that the model server told when the router asked it', async () => {
    const usage = { prompt_tokens: 3, completion_tokens: 2, total_tokens: 5 };
    upstream.behave((request, response) => {
      const asked = JSON.stringify(request.body['stream_options']) === '{"include_usage":true}';
      const last = `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [], usage })}\n\n`;
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`${completionEvents(['a']).join('')}${asked ? last : ''}data: [DONE]\n\n`);
    });
    const asking = await chatbotRouter({ upstreams: upstreamsAt(upstream.baseUrl), streamUsage: true });
    const told = eventsOf((await asking.ask(CHAT, { message: 'x', stream: true })).text);
    expect(told).toMatchObject([{ delta: 'a' }, { done: true, usage }]);
    const completion = await asking.ask(botPath('/chat/completions'), {
      messages: [{ role: 'user', content: 'x' }],
      stream: true,
    });
    expect(completion.text).not.toContain('"usage"');
    const silent = eventsOf((await router.ask(CHAT, { message: 'x', stream: true })).text);
    expect(silent.at(-1)).toMatchObject({ done: true, usage: null });
  });

  test('is the same where the model server sends it byte by byte', async () => {
    const whole = `${completionEvents(['a', ' ü']).join('')}data: [DONE]\n\n`;
    upstream.behave(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const byte of Buffer.from(whole)) {
        response.write(Uint8Array.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    });
    const events = eventsOf((await router.ask(CHAT, { message: 'x', stream: true })).text);
    expect(events).toMatchObject([{ delta: 'a' }, { delta: ' ü' }, { done: true, response: 'a ü' }]);
  });

  test('that breaks off leaves nothing behind', async () => {
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(completionEvents(['a'])[0], () => response.destroy());
    });
    const answer = await router.ask(CHAT, { message: 'x', stream: true });
    expect(eventsOf(answer.text)).toMatchObject([{ delta: 'a' }, { error: { type: 'server_error' } }]);
    expect([answer.complete, router.rows.size]).toEqual([false, 0]);
  });

  test('that fails before it begins is a plain error', async () => {
    upstream.behave((_request, response) => void response.writeHead(500).end());
    const answer = await router.ask(CHAT, { message: 'x', stream: true });
    expect([answer.status, answer.code]).toEqual([502, 'upstream_failed']);
  });
});

describe.each([
  ['a streamed message', true],
  ['a message', false],
])('%s whose sender goes away', (_what, stream) => {
  test('ends at the model server, and leaves the conversation as it was', async () => {
    const { conversation_id: id } = (await router.ask(CHAT, { message: 'one' })).json();
    const before = router.rows.get(String(id));
    let gone = false;
    let reached = false;
    upstream.behave((_request, response) => {
      response.on('close', () => {
        gone = true;
      });
      response.writeHead(200, { 'content-type': stream ? 'text/event-stream' : 'application/json' });
      response.write(stream ? completionEvents(['a'])[0] : '{');
      reached = true;
    });
    const sink = new CollectingSink();
    const answered = router.ask(CHAT, { message: 'two', conversation_id: id, stream }, { sink });
    await eventually('the model server has the request', () => reached);
    sink.close();
    await answered;
    await eventually('the model server sees it end', () => gone);
    expect(router.rows.get(String(id))).toBe(before);
    expect(router.reports).toEqual([]);
  });
});
