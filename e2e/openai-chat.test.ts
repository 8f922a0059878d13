import type OpenAI from 'openai';
import type { ChatCompletionMessageParam, ChatCompletionTool } from 'openai/resources/chat/completions';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { capableModel, choice, events, USAGE } from './model-server.ts';
import { openaiBy, WAYS } from './openai-ways.ts';
import { API_KEY, type SealedRouter, startSealedRouter } from './sealed-router.ts';

const QUESTION = { model: 'm', messages: [{ role: 'user' as const, content: 'one two three' }] };
const PNG = `data:image/png;base64,${Buffer.from('not really a picture').toString('base64')}`;

let sealed: SealedRouter;
beforeAll(async () => {
  sealed = await startSealedRouter({ aliases: { 'gpt-4': ['m'] } });
  sealed.upstream.behave(capableModel(['m']));
});
afterEach(() => sealed.upstream.behave(capableModel(['m'])));
afterAll(() => sealed.close());

/** The body of the last request that the model server got. */
function lastSeen(): Record<string, unknown> {
  return sealed.upstream.seen.at(-1)?.body ?? {};
}

function tool(name: string): ChatCompletionTool {
  return { type: 'function', function: { name, parameters: { type: 'object', properties: {} } } };
}

describe.each(WAYS)('chat by the openai SDK, %s', (way) => {
  let openai: OpenAI;
  beforeAll(() => {
    openai = openaiBy(way, sealed.url, { apiKey: API_KEY });
  });

  test('streams with usage only where it was asked for, though the router always asks for it', async () => {
    const asked = await openai.chat.completions.create({
      ...QUESTION,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = [];
    for await (const chunk of asked) chunks.push(chunk);
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: USAGE });
    expect(chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')).toBe('echo: one two three');

    const plain = [];
    for await (const chunk of await openai.chat.completions.create({ ...QUESTION, stream: true })) plain.push(chunk);
    expect(lastSeen()['stream_options']).toEqual({ include_usage: true });
    expect(plain.every(({ choices, usage }) => choices.length === 1 && !usage)).toBe(true);
    expect(plain.at(-1)?.choices[0]?.finish_reason).toBe('stop');
  });

  test.each([
    ['auto', 'auto' as const],
    ['none', 'none' as const],
    ['required', 'required' as const],
    ['one by name', { type: 'function' as const, function: { name: 'second' } }],
  ])('passes tools and the choice of them on: %s', async (_name, toolChoice) => {
    const tools = [tool('first'), tool('second')];
    await openai.chat.completions.create({ ...QUESTION, tools, tool_choice: toolChoice, parallel_tool_calls: true });
    expect(lastSeen()).toMatchObject({ tools, tool_choice: toolChoice, parallel_tool_calls: true });
  });

  test('gets two tool calls of one answer apart again, in one piece and streamed in turns', async () => {
    const calls = ['first', 'second'].map((name, at) => ({
      id: `call_${at}`,
      type: 'function',
      function: { name, arguments: `{"at":${at}}` },
    }));
    const tools = [tool('first'), tool('second')];
    sealed.upstream.behave(choice({ content: null, tool_calls: calls }, { finish_reason: 'tool_calls' }));
    const whole = await openai.chat.completions.create({ ...QUESTION, tools });
    expect(whole.choices[0]?.message.tool_calls).toEqual(calls);

    const begun = calls.map((call, index) => ({ ...call, index, function: { ...call.function, arguments: '' } }));
    const rest = calls.map((call, index) => ({ index, function: { arguments: call.function.arguments } }));
    sealed.upstream.behave(
      deltas([{ role: 'assistant', tool_calls: begun }, ...rest.map((part) => ({ tool_calls: [part] }))]),
    );
    const streamed = await openai.chat.completions.stream({ ...QUESTION, tools }).finalChatCompletion();
    expect(streamed.choices[0]?.message.tool_calls).toMatchObject(calls);
  });

  test('sends pictures by address and in base64, several in one message, as they are', async () => {
    const messages: ChatCompletionMessageParam[] = [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'compare' },
          { type: 'image_url', image_url: { url: 'https://pictures.example/a.png', detail: 'low' } },
          { type: 'image_url', image_url: { url: PNG } },
          { type: 'image_url', image_url: { url: PNG, detail: 'high' } },
        ],
      },
    ];
    sealed.upstream.behave(choice({ content: 'alike' }));
    const answer = await openai.chat.completions.create({ model: 'm', messages });
    expect(answer.choices[0]?.message.content).toBe('alike');
    expect(lastSeen()['messages']).toEqual(messages);
  });

  test('asks for an answer by a schema, and parses it', async () => {
    const schema = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
    const format = { type: 'json_schema' as const, json_schema: { name: 'place', strict: true, schema } };
    sealed.upstream.behave(choice({ content: '{"city":"Paris"}' }));
    const answer = await openai.chat.completions.parse({ ...QUESTION, response_format: format });
    expect(answer.choices[0]?.message.parsed).toEqual({ city: 'Paris' });
    expect(lastSeen()['response_format']).toEqual(format);
  });

  test('passes every parameter on, those that only one model server knows too', async () => {
    const parameters = {
      temperature: 0.1,
      top_p: 0.9,
      n: 2,
      seed: 7,
      stop: ['END', '\n\n'],
      logprobs: true,
      top_logprobs: 3,
      logit_bias: { '50256': -100 },
      presence_penalty: 0.5,
      frequency_penalty: -0.5,
      max_completion_tokens: 64,
      reasoning_effort: 'high' as const,
      user: 'somebody',
      metadata: { team: 'a' },
    };
    const own = { top_k: 40, guided_regex: '[a-z]+', chat_template_kwargs: { enable_thinking: true } };
    await openai.chat.completions.create({ ...QUESTION, ...parameters, ...own });
    expect(lastSeen()).toMatchObject({ ...QUESTION, ...parameters, ...own });
  });

  test('gets log probabilities, several choices, reasoning, and members that it has no type for', async () => {
    const logprobs = { content: [{ token: 'a', logprob: -0.25, bytes: [97], top_logprobs: [] }], refusal: null };
    const message = { role: 'assistant', content: 'a', reasoning_content: 'because', annotations: [{ own: 1 }] };
    const choices = [0, 1].map((index) => ({
      index,
      message,
      logprobs,
      finish_reason: 'length',
      stop_reason: 128_009,
    }));
    const usage = { ...USAGE, completion_tokens_details: { reasoning_tokens: 5 } };
    sealed.upstream.behave((_request, response) => {
      const answer = {
        id: 'x',
        object: 'chat.completion',
        created: 1,
        model: 'm',
        choices,
        usage,
        system_fingerprint: 'fp',
      };
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
    });
    const answer = await openai.chat.completions.create({ ...QUESTION, n: 2, logprobs: true });
    expect(answer.choices).toEqual(choices);
    expect(answer).toMatchObject({ usage, system_fingerprint: 'fp' });
  });

  test('streams reasoning, refusals and log probabilities untouched', async () => {
    const parts = [{ reasoning_content: 'hm' }, { refusal: 'no' }, { content: 'a' }];
    sealed.upstream.behave(deltas(parts));
    const got = [];
    for await (const { choices } of await openai.chat.completions.create({ ...QUESTION, stream: true })) {
      got.push(choices[0]?.delta);
    }
    expect(got).toEqual([...parts, {}]);
  });

  test('asks an alias, and a model whose name holds a slash', async () => {
    expect((await openai.chat.completions.create({ ...QUESTION, model: 'gpt-4' })).choices).toHaveLength(1);
    expect(lastSeen()['model']).toBe('m');
    await openai.chat.completions.create({ ...QUESTION, model: 'model/m' });
    expect(lastSeen()['model']).toBe('m');
  });

  test('does all of it below /api/v1 as well', async () => {
    const below = openaiBy(way, sealed.url, { apiKey: API_KEY, basePath: '/api/v1' });
    const answer = await below.chat.completions.create(QUESTION);
    expect(answer.choices[0]?.message.content).toBe('echo: one two three');
    expect((await below.models.list()).data.map(({ id }) => id)).toContain('m');
  });
});

/** Streams these deltas, and the end. */
function deltas(parts: readonly object[]) {
  const chunkOf = (delta: object, finish: string | null): object => ({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'm',
    choices: [{ index: 0, delta, finish_reason: finish }],
  });
  return events([...parts.map((delta) => chunkOf(delta, null)), chunkOf({}, 'stop')]);
}
