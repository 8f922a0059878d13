import { createSecureFetch } from '@sotto/client';
import OpenAI, { NotFoundError } from 'openai';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  completion,
  completionEvents,
  json,
  type StandInUpstream,
  startStandIn,
} from '../packages/router/test/stand-in-upstream.ts';
import { API_KEY, startRouterAt } from './sealed-router.ts';
import { encodingsOf, findEncodings, startWireTap, type WireTap } from './wire-tap.ts';

const MODEL = 'canary-model-4711';
const PROMPT = 'canary-prompt-0815';
const ANSWER = 'canary-answer-2342';
const TOOL = 'canary_tool_1138';
const ARGUMENT = 'canary-argument-9000';
const FAILURE = 'canary-failure-6502';
const NO_MODEL = 'canary-nowhere-8086';
const SECRETS = {
  prompt: PROMPT,
  answer: ANSWER,
  'API key': API_KEY,
  model: MODEL,
  'model that is not there': NO_MODEL,
  'path of chat': '/v1/chat',
  'path of models': '/v1/models',
  'SDK header': 'x-stainless',
  'user agent': 'OpenAI/JS',
  'tool name': TOOL,
  'tool argument': ARGUMENT,
  'error of the model server': FAILURE,
};
/** What a request shows on the outside, and nothing else. */
const OUTER_FIELDS = [
  'accept',
  'accept-encoding',
  'connection',
  'content-length',
  'content-type',
  'host',
  'incremental',
];

let upstream: StandInUpstream;
let running: Awaited<ReturnType<typeof startRouterAt>>;
const taps: WireTap[] = [];

beforeAll(async () => {
  upstream = await startStandIn([MODEL]);
  running = await startRouterAt(upstream.baseUrl, {
    upstreams: [{ name: 'model', baseUrl: upstream.baseUrl, models: [MODEL] }],
  });
  upstream.behave((request, response) => {
    if ('tools' in request.body) return json(toolCall())(request, response);
    if (request.body['n'] === 99) return json({ error: { message: FAILURE } }, 400)(request, response);
    if (request.body['stream'] !== true) return json(completion(ANSWER, MODEL))(request, response);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of completionEvents([ANSWER, ' and more'], MODEL)) response.write(event);
    // The stream with a seed is the one to be aborted: it never ends by itself.
    if (request.body['seed'] === undefined) response.end('data: [DONE]\n\n');
  });
});
afterAll(async () => {
  await upstream.close();
  await Promise.all(taps.map((tap) => tap.close()));
  await running.server.close();
});

function toolCall(): Record<string, unknown> {
  const call = { id: 'call_1', type: 'function', function: { name: TOOL, arguments: `{"a":"${ARGUMENT}"}` } };
  const message = { role: 'assistant', content: null, tool_calls: [call] };
  return { ...completion('', MODEL), choices: [{ index: 0, message, finish_reason: 'tool_calls' }] };
}

/** Everything that an app does in a day. @returns how many requests that were */
async function wholeSession(openai: OpenAI): Promise<number> {
  const messages = [{ role: 'user' as const, content: PROMPT }];
  const { chat, models } = openai;
  expect((await models.list()).data.map(({ id }) => id)).toEqual([MODEL]);
  expect((await models.retrieve(MODEL)).id).toBe(MODEL);
  const answer = await chat.completions.create({ model: MODEL, messages });
  expect(answer.choices[0]?.message.content).toBe(ANSWER);

  let text = '';
  const stream = await chat.completions.create({ model: MODEL, messages, stream: true });
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  expect(text).toBe(`${ANSWER} and more`);

  const tools = [{ type: 'function' as const, function: { name: TOOL, parameters: { type: 'object' } } }];
  const called = await chat.completions.create({ model: MODEL, messages, tools });
  expect(called.choices[0]?.message.tool_calls?.[0]).toMatchObject({ function: { name: TOOL } });

  await expect(chat.completions.create({ model: MODEL, messages, n: 99 })).rejects.toThrow(FAILURE);
  await expect(chat.completions.create({ model: NO_MODEL, messages })).rejects.toBeInstanceOf(NotFoundError);

  const aborted = await chat.completions.create({ model: MODEL, messages, stream: true, seed: 1 });
  for await (const _ of aborted) break;
  return 8;
}

async function captureOf(
  fetchAt: (url: string) => typeof globalThis.fetch,
): Promise<{ wire: Buffer; requests: number }> {
  const tap = await startWireTap(running.server.url);
  taps.push(tap);
  const openai = new OpenAI({ baseURL: `${tap.url}/v1`, apiKey: API_KEY, fetch: fetchAt(tap.url) });
  const requests = await wholeSession(openai);
  return { wire: tap.captured(), requests };
}

describe('a packet capture of a whole session of the openai SDK', () => {
  test('in clear holds each secret: the search below can find them', async () => {
    const { wire } = await captureOf(() => globalThis.fetch);
    for (const [what, secret] of Object.entries(SECRETS)) expect(findEncodings(wire, secret), what).toContain('raw');
  });

  test('through createSecureFetch holds none of them, in no encoding', async () => {
    const { wire, requests } = await captureOf((routerUrl) => createSecureFetch({ routerUrl, allowHttp: true }));
    for (const [what, secret] of Object.entries(SECRETS)) expect(findEncodings(wire, secret), what).toEqual([]);

    // It is the session that was captured: each request passed as one opaque message, beside one for the keys.
    const heads = wire.toString('latin1').matchAll(/(GET|POST) (\S+) HTTP\/1\.1\r\n([\s\S]*?)\r\n\r\n/g);
    const passed = [...heads].map(([, method, path, fields = '']) => ({
      line: `${method} ${path}`,
      fields: fields.split('\r\n').map((field) => field.slice(0, field.indexOf(':')).toLowerCase()),
    }));
    const gateway = '/.well-known/ohttp-gateway';
    expect(passed.map(({ line }) => line)).toEqual([
      `GET ${gateway}`,
      ...Array<string>(requests).fill(`POST ${gateway}`),
    ]);
    for (const { fields } of passed) expect(fields.filter((name) => !OUTER_FIELDS.includes(name))).toEqual([]);
    expect(wire.toString('latin1').match(/content-type: message\/ohttp-chunked-res/g)).toHaveLength(requests);
  });
});

describe('the search', () => {
  test.each([...encodingsOf(PROMPT)])('finds a text in the form %s, in the midst of other bytes', (name, form) => {
    expect(findEncodings(Buffer.from(`\0\xff${form}\xfe`, 'latin1'), PROMPT)).toContain(name);
  });

  test.each([0, 1, 2, 3, 4])('finds a text that stands at offset %i of a message in base64', (offset) => {
    const message = Buffer.from(`${'x'.repeat(offset)}${PROMPT}${'y'.repeat(7)}`);
    expect(findEncodings(Buffer.from(message.toString('base64')), PROMPT)).not.toEqual([]);
    expect(findEncodings(Buffer.from(message.toString('base64url')), PROMPT)).not.toEqual([]);
  });
});
