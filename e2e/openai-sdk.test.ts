import { createSecureFetch } from '@sotto/client';
import { secureOpenAIOptions } from '@sotto/client/openai';
import OpenAI, { APIError, APIUserAbortError, NotFoundError } from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { gate } from '../packages/router/test/eventually.ts';
import {
  type Behaviour,
  completion,
  completionEvents,
  json,
  wellBehaved,
} from '../packages/router/test/stand-in-upstream.ts';
import { API_KEY, type SealedRouter, startSealedRouter } from './sealed-router.ts';

const QUESTION = { model: 'm', messages: [{ role: 'user' as const, content: 'one two three' }] };
const CALL = { id: 'call_1', type: 'function', function: { name: 'get_weather', arguments: '{"city":"Paris"}' } };
const TOOLS = [
  { type: 'function' as const, function: { name: 'get_weather', parameters: { type: 'object', properties: {} } } },
];
let sealed: SealedRouter;
let openai: OpenAI;

beforeAll(async () => {
  sealed = await startSealedRouter();
  openai = new OpenAI({
    baseURL: `${sealed.url}/v1`,
    apiKey: API_KEY,
    fetch: createSecureFetch({ routerUrl: sealed.url, allowHttp: true, onSecurityError: 'response' }),
  });
});
afterEach(() => sealed.upstream.behave(wellBehaved(['m'])));
afterAll(() => sealed.close());

describe('the openai SDK over createSecureFetch', () => {
  test('asks, and the router saw the SDK as it is, while the model server saw only what it needs', async () => {
    const { data, response } = await openai.chat.completions.create({ ...QUESTION, temperature: 0.5 }).withResponse();
    expect(data.choices[0]?.message.content).toBe('echo: one two three');
    expect(data.usage?.total_tokens).toBe(3);
    expect(response.headers.get('x-sotto-tier')).toBe('standard');
    expect(response.headers.get('x-request-id')).toBeTruthy();
    const seen = sealed.upstream.seen.at(-1);
    expect(seen?.body).toMatchObject({ ...QUESTION, temperature: 0.5 });
    expect(JSON.stringify(seen?.headers)).not.toContain(API_KEY);
  });

  test('gets each token of a stream before the model server has made the next one', async () => {
    const events = completionEvents(['one', ' two', ' three']);
    const steps = events.map(() => gate());
    sealed.upstream.behave(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const [index, event] of events.entries()) {
        response.write(event);
        await steps[index]?.opened;
      }
      response.end('data: [DONE]\n\n');
    });
    const words: (string | undefined)[] = [];
    let step = 0;
    for await (const chunk of await openai.chat.completions.create({ ...QUESTION, stream: true })) {
      words.push(chunk.choices[0]?.delta.content ?? undefined);
      // Only now may the stand-in go on: a token held back anywhere would hang this test.
      steps[step++]?.open();
    }
    expect(words).toEqual(['one', ' two', ' three', undefined]);
  });

  test('collects a stream with its own helper', async () => {
    sealed.upstream.behave(streamOf(['echo: one', ' two three'].map((content) => ({ delta: { content } }))));
    const answer = await openai.chat.completions.stream(QUESTION).finalChatCompletion();
    expect(answer.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: 'echo: one two three' } });
  });

  test('calls tools, in one piece and streamed', async () => {
    const message = { role: 'assistant', content: null, tool_calls: [CALL] };
    const choice = { index: 0, message, finish_reason: 'tool_calls' };
    sealed.upstream.behave(json({ ...completion(''), choices: [choice] }));
    const answer = await openai.chat.completions.create({ ...QUESTION, tools: TOOLS });
    expect(answer.choices[0]?.message.tool_calls).toEqual([CALL]);
    expect(sealed.upstream.seen.at(-1)?.body['tools']).toEqual(TOOLS);

    sealed.upstream.behave(streamOf(callDeltas(), 'tool_calls'));
    const streamed = await openai.chat.completions.stream({ ...QUESTION, tools: TOOLS }).finalChatCompletion();
    const [call] = streamed.choices[0]?.message.tool_calls ?? [];
    expect(call).toMatchObject({ id: 'call_1', function: { name: 'get_weather', arguments: '{"city":"Paris"}' } });
  });

  test('runs a tool and sends its result back, by its own loop', async () => {
    sealed.upstream.behave((request, response) => {
      const messages = request.body['messages'] as { role: string; content: string }[];
      const told = messages.find(({ role }) => role === 'tool')?.content;
      const message = { role: 'assistant', content: null, tool_calls: [CALL] };
      const first = { ...completion(''), choices: [{ index: 0, message, finish_reason: 'tool_calls' }] };
      return json(told === undefined ? first : completion(`It is ${told}.`))(request, response);
    });
    const runner = openai.chat.completions.runTools({
      ...QUESTION,
      tools: [
        {
          type: 'function',
          function: {
            name: 'get_weather',
            description: 'the weather in a city',
            parameters: { type: 'object', properties: { city: { type: 'string' } } },
            parse: (text: string) => JSON.parse(text) as { city: string },
            function: ({ city }: { city: string }) => `18 degrees in ${city}`,
          },
        },
      ],
    });
    expect(await runner.finalContent()).toBe('It is 18 degrees in Paris.');
  });

  test('lists models and looks one up', async () => {
    const ids: string[] = [];
    for await (const model of openai.models.list()) ids.push(model.id);
    expect(ids).toEqual(['m']);
    expect(await openai.models.retrieve('m')).toMatchObject({ id: 'm', object: 'model' });
    await expect(openai.models.retrieve('not/there')).rejects.toBeInstanceOf(NotFoundError);
  });

  test('is made of the options that the adapter gives', async () => {
    const options = secureOpenAIOptions({ routerUrl: `${sealed.url}/v1`, allowHttp: true, apiKey: API_KEY });
    const answer = await new OpenAI(options).chat.completions.create(QUESTION);
    expect(answer.choices[0]?.message.content).toBe('echo: one two three');
  });
});

describe('an end before the end', () => {
  const [first = ''] = completionEvents(['first']);

  test('abort in the middle of a stream ends the request at the model server', async () => {
    const closed = gate();
    sealed.upstream.behave((_request, response) => {
      response.on('close', () => closed.open());
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(first);
    });
    const stream = await openai.chat.completions.create({ ...QUESTION, stream: true });
    for await (const chunk of stream) {
      expect(chunk.choices[0]?.delta.content).toBe('first');
      stream.controller.abort();
    }
    await closed.opened;
  });

  test('leaving the loop ends the request at the model server too', async () => {
    const closed = gate();
    sealed.upstream.behave((_request, response) => {
      response.on('close', () => closed.open());
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(first);
    });
    for await (const _ of await openai.chat.completions.create({ ...QUESTION, stream: true })) break;
    await closed.opened;
  });

  test('abort before an answer ends the request at the model server, and is the error of an abort', async () => {
    const closed = gate();
    const asked = gate();
    sealed.upstream.behave((_request, response) => {
      response.on('close', () => closed.open());
      asked.open();
    });
    const controller = new AbortController();
    const answer = openai.chat.completions.create(QUESTION, { signal: controller.signal });
    await asked.opened;
    controller.abort();
    await expect(answer).rejects.toBeInstanceOf(APIUserAbortError);
    await closed.opened;
  });

  test('after an abort the next request is answered', async () => {
    const before = sealed.upstream.seen.length;
    const controller = new AbortController();
    controller.abort();
    await expect(openai.chat.completions.create(QUESTION, { signal: controller.signal })).rejects.toBeInstanceOf(
      APIUserAbortError,
    );
    expect(sealed.upstream.seen.length).toBe(before);
    expect((await openai.chat.completions.create(QUESTION)).choices).toHaveLength(1);
  });

  test.each([
    ['between two events', first, APIError],
    // The SDK parses what stands before the router's error event, and fails there.
    ['in the middle of an event', `${first}data: {"choi`, Error],
  ])('a model server killed %s is an error, never a finished answer', async (_where, text, type) => {
    sealed.upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(text, () => response.socket?.destroy());
    });
    const words: string[] = [];
    const read = async (): Promise<void> => {
      // The SDK writes what it cannot parse to the console, unless it is told to be silent.
      const stream = await openai
        .withOptions({ logLevel: 'off' })
        .chat.completions.create({ ...QUESTION, stream: true });
      for await (const chunk of stream) words.push(chunk.choices[0]?.delta.content ?? '');
    };
    const failure = await read().catch((error: unknown) => error);
    expect(words).toEqual(['first']);
    expect(failure).toBeInstanceOf(type);
    if (type === APIError) expect(failure).toMatchObject({ code: 'upstream_failed' });
  });

  test('a model server that ends its stream politely but early is an error too', async () => {
    sealed.upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(first);
    });
    const whole = openai.chat.completions.stream(QUESTION).finalChatCompletion();
    await expect(whole).rejects.toMatchObject({ code: 'upstream_failed' });
  });
});

/** A tool call in three pieces, as model servers stream it. */
function callDeltas(): { readonly delta: object }[] {
  const { name, arguments: text } = CALL.function;
  const parts = [
    { index: 0, id: CALL.id, type: 'function', function: { name, arguments: '' } },
    { index: 0, function: { arguments: text.slice(0, 5) } },
    { index: 0, function: { arguments: text.slice(5) } },
  ];
  return parts.map((part) => ({ delta: { tool_calls: [part] } }));
}

function streamOf(deltas: readonly { readonly delta: object }[], finish = 'stop'): Behaviour {
  const role = { delta: { role: 'assistant', content: '' } };
  return (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const choice of [role, ...deltas, { delta: {}, finish_reason: finish }]) {
      const choices = [{ index: 0, finish_reason: null, ...choice }];
      const chunk = { id: 'chatcmpl-1', object: 'chat.completion.chunk', created: 1, model: 'm', choices };
      response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    }
    response.end('data: [DONE]\n\n');
  };
}
