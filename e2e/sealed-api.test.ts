import { createSecureFetch } from '@sotto/client';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { capableModel, USAGE, vectorOf } from './model-server.ts';
import { openaiBy } from './openai-ways.ts';
import { API_KEY, startRouterAt } from './sealed-router.ts';
import { findEncodings, startWireTap, type WireTap } from './wire-tap.ts';

const CHATBOT = '/api/v1/chatbot/external/support';
const MESSAGE = 'CANARY-message-4711';
const ADMIN_KEY = 'admin-key-of-a-good-length';
/** What was asked, where, with which key, and words that only answers have. */
const SECRETS = [MESSAGE, API_KEY, ADMIN_KEY, '/chatbot', '/embeddings', '/completions', 'conversation_id', 'echo: '];

let upstream: StandInUpstream;
let running: Awaited<ReturnType<typeof startRouterAt>>;
let tap: WireTap;
let secureFetch: typeof fetch;

beforeAll(async () => {
  upstream = await startStandIn(['m']);
  upstream.behave(capableModel(['m']));
  running = await startRouterAt(upstream.baseUrl, {
    upstreams: [{ name: 'model', baseUrl: upstream.baseUrl, models: ['m'], tier: 'high' }],
    chatbots: [{ id: 'support', name: 'Support', model: 'm', systemPrompt: 'Be kind.', tier: 'high' }],
    admin: { key: ADMIN_KEY },
  });
  tap = await startWireTap(running.server.url);
  secureFetch = createSecureFetch({ routerUrl: tap.url, allowHttp: true });
});
afterAll(async () => {
  await tap.close();
  await upstream.close();
  await running.server.close();
});

async function send(path: string, body?: object, key = API_KEY): Promise<Response> {
  const headers = { 'x-api-key': key, 'content-type': 'application/json' };
  const init = body === undefined ? { headers } : { method: 'POST', headers, body: JSON.stringify(body) };
  return secureFetch(`${tap.url}${path}`, init);
}

async function sendJson(path: string, body?: object): Promise<Record<string, unknown>> {
  const answer = await send(path, body);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Record<string, unknown>;
}

describe('sealed', () => {
  test('a conversation with a chatbot of tier high is had, continued, streamed, read and deleted', async () => {
    const first = await sendJson(`${CHATBOT}/chat`, { message: MESSAGE });
    expect(first).toMatchObject({ response: `echo: ${MESSAGE}`, message_count: 2 });
    const id = String(first['conversation_id']);
    const stream = await send(`${CHATBOT}/chat`, { message: 'more', conversation_id: id, stream: true });
    const events = (await stream.text()).split('\n\n').filter((event) => event !== '');
    const parsed = events.map((event) => JSON.parse(event.slice('data: '.length)) as Record<string, unknown>);
    expect(parsed.map(({ delta }) => delta ?? '').join('')).toBe('echo: more');
    expect(parsed.at(-1)).toMatchObject({ done: true, conversation_id: id, message_count: 4, usage: USAGE });

    const kept = await sendJson(`${CHATBOT}/conversations/${id}`);
    expect(kept).toMatchObject({ messages: [{ role: 'user', content: MESSAGE }, {}, {}, {}] });
    const headers = { 'x-api-key': API_KEY };
    expect((await fetch(`${running.server.url}${CHATBOT}/conversations/${id}`, { headers })).status).toBe(403);
    const gone = await secureFetch(`${tap.url}${CHATBOT}/conversations/${id}`, { method: 'DELETE', headers });
    expect(await gone.json()).toEqual({ conversation_id: id, deleted: true });
    expect((await send(`${CHATBOT}/conversations/${id}`)).status).toBe(404);
  });

  test('the openai SDK talks to a chatbot at its own base URL, which is closed to requests in clear', async () => {
    const options = { apiKey: API_KEY, basePath: `${CHATBOT}/v1` };
    const question = { model: 'any', messages: [{ role: 'user' as const, content: MESSAGE }] };
    const answer = await openaiBy('sealed', tap.url, options).chat.completions.create(question);
    expect(answer.choices[0]?.message.content).toBe(`echo: ${MESSAGE}`);
    const messages = upstream.seen.at(-1)?.body['messages'];
    expect(messages).toEqual([{ role: 'system', content: 'Be kind.' }, ...question.messages]);
    const inClear = openaiBy('in clear', running.server.url, options).chat.completions.create(question);
    await expect(inClear).rejects.toMatchObject({ code: 'sealed_request_required' });
    expect((await openaiBy('sealed', tap.url, options).models.list()).data).toMatchObject([{ id: 'm' }]);
  });

  test('embeddings and texts are answered below /v1 and /api/v1', async () => {
    for (const prefix of ['', '/api']) {
      const embedded = await sendJson(`${prefix}/v1/embeddings`, { model: 'm', input: MESSAGE });
      expect(embedded['data']).toMatchObject([{ embedding: vectorOf(MESSAGE) }]);
      const text = await sendJson(`${prefix}/v1/completions`, { model: 'm', prompt: MESSAGE, security_tier: 'high' });
      expect(text['choices']).toMatchObject([{ text: `and ${MESSAGE}` }]);
      expect(upstream.seen.at(-1)?.body).not.toHaveProperty('security_tier');
      expect(await sendJson(`${prefix}/v1/models/m`)).toMatchObject({ id: 'm' });
    }
  });

  test('the administration is not to be had, whoever asks', async () => {
    for (const path of ['/admin/v1/keys', '/metrics', '/openapi.json', '/health']) {
      expect((await send(path, undefined, ADMIN_KEY)).status, path).toBe(404);
    }
  });

  test('and of all this nothing was on the wire', () => {
    const captured = tap.captured();
    expect(captured.length).toBeGreaterThan(10_000);
    for (const secret of SECRETS) expect(findEncodings(captured, secret), secret).toEqual([]);
  });
});
