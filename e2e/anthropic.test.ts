import OpenAI from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { json, type StandInUpstream } from '../packages/router/test/stand-in-upstream.ts';
import {
  apiFailure,
  blockEvents,
  message,
  messageEvents,
  startMessagesStandIn,
  streamed,
  textEvents,
  API_KEY as UPSTREAM_KEY,
} from '../packages/router/test/upstreams/anthropic/messages-stand-in.ts';
import { openaiBy, WAYS } from './openai-ways.ts';
import { API_KEY, startRouterAt } from './sealed-router.ts';

const QUESTION = { model: 'claude', messages: [{ role: 'user' as const, content: 'What is the weather in Paris?' }] };
const TOOLS = [
  {
    type: 'function' as const,
    function: { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } } } },
  },
];
const greeting = [{ type: 'text', text: 'Hello world', citations: null }];

let upstream: StandInUpstream;
let running: Awaited<ReturnType<typeof startRouterAt>>;

beforeAll(async () => {
  upstream = await startMessagesStandIn();
});
afterEach(() => upstream.behave(json(message(greeting))));
afterAll(() => upstream.close());

async function startRouter(): Promise<typeof running> {
  vi.stubEnv('SOTTO_E2E_UPSTREAM_KEY', UPSTREAM_KEY);
  const apiKeyEnv = 'SOTTO_E2E_UPSTREAM_KEY';
  const far = { name: 'far', type: 'anthropic' as const, baseUrl: upstream.baseUrl, apiKeyEnv, models: ['claude'] };
  const started = await startRouterAt(upstream.baseUrl, { upstreams: [far] });
  vi.unstubAllEnvs();
  return started;
}

describe.each(WAYS)("Anthropic's API behind the openai SDK, %s", (way) => {
  let openai: OpenAI;
  beforeAll(async () => {
    upstream.behave(json(message(greeting)));
    running = await startRouter();
    openai = openaiBy(way, running.server.url, { apiKey: API_KEY });
  });
  afterAll(() => running.server.close());

  test('answers in one piece and streamed, with usage', async () => {
    const whole = await openai.chat.completions.create(QUESTION);
    expect(whole).toMatchObject({
      object: 'chat.completion',
      choices: [{ message: { role: 'assistant', content: 'Hello world' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 },
    });
    upstream.behave(streamed(messageEvents([textEvents(0, ['Hello', ' world'])])));
    const stream = openai.chat.completions.stream({ ...QUESTION, stream_options: { include_usage: true } });
    const collected = await stream.finalChatCompletion();
    expect(collected).toMatchObject({
      choices: [{ message: { content: 'Hello world' } }],
      usage: { total_tokens: 15 },
    });
  });

  test('calls a tool, streamed, and takes its result back', async () => {
    const block = { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: {} };
    const deltas = ['{"city"', ':"Paris"}'].map((partial_json) => ({ type: 'input_json_delta', partial_json }));
    upstream.behave(streamed(messageEvents([blockEvents(0, block, deltas)], 'tool_use')));
    const asked = await openai.chat.completions.stream({ ...QUESTION, tools: TOOLS }).finalChatCompletion();
    const [call] = asked.choices[0]?.message.tool_calls ?? [];
    expect(call).toMatchObject({ id: 'toolu_1', function: { name: 'get_weather', arguments: '{"city":"Paris"}' } });

    upstream.behave(json(message([{ type: 'text', text: '18 degrees', citations: null }])));
    const told = { role: 'tool' as const, tool_call_id: 'toolu_1', content: '{"celsius":18}' };
    const calls = [
      { id: 'toolu_1', type: 'function' as const, function: { name: 'get_weather', arguments: '{"city":"Paris"}' } },
    ];
    const messages = [...QUESTION.messages, { role: 'assistant' as const, content: null, tool_calls: calls }, told];
    const answer = await openai.chat.completions.create({ model: 'claude', messages, tools: TOOLS });
    expect(answer.choices[0]?.message.content).toBe('18 degrees');
    expect(JSON.stringify(upstream.seen.at(-1)?.body)).toContain('"tool_use_id":"toolu_1"');
  });

  test('takes pictures in base64', async () => {
    const url = `data:image/png;base64,${Buffer.from('picture').toString('base64')}`;
    const content = [
      { type: 'text' as const, text: 'what is it?' },
      { type: 'image_url' as const, image_url: { url } },
      { type: 'image_url' as const, image_url: { url } },
    ];
    await openai.chat.completions.create({ model: 'claude', messages: [{ role: 'user', content }] });
    expect(JSON.stringify(upstream.seen.at(-1)?.body).match(/"media_type":"image\/png"/g)).toHaveLength(2);
  });

  test('is a typed error of the SDK where it cannot do what was asked', async () => {
    const unsupported = openai.chat.completions.create({ ...QUESTION, logprobs: true });
    await expect(unsupported).rejects.toMatchObject({ status: 400, code: 'invalid_request', param: 'logprobs' });
    await expect(unsupported).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    const embeddings = openai.embeddings.create({ model: 'claude', input: 'a' });
    await expect(embeddings).rejects.toMatchObject({ status: 404, code: 'model_not_found' });
  });

  // Last: until the time it names is over, it is left alone.
  test('is a typed error of the SDK where it is busy, with the time to wait and none of its words', async () => {
    upstream.behave(apiFailure(429, 'rate_limit_error', 'CANARY slow down', { 'retry-after': '7' }));
    const busy = await openai.chat.completions.create(QUESTION).catch((error: unknown) => error);
    expect(busy).toBeInstanceOf(OpenAI.RateLimitError);
    expect((busy as InstanceType<typeof OpenAI.APIError>).headers?.get('retry-after')).toBe('7');
    expect(String(busy)).not.toContain('CANARY');
  });
});
