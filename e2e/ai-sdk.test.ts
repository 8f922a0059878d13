import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { type SecureProviderOptions, secureProviderSettings } from '@sotto/client/ai-sdk';
import { SecurityError } from '@sotto/protocol';
import { APICallError, generateText, jsonSchema, stepCountIs, streamText, tool } from 'ai';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { gate } from '../packages/router/test/eventually.ts';
import { completion, completionEvents, json, wellBehaved } from '../packages/router/test/stand-in-upstream.ts';
import { API_KEY, type SealedRouter, startSealedRouter } from './sealed-router.ts';

let sealed: SealedRouter;

beforeAll(async () => {
  sealed = await startSealedRouter();
});
afterEach(() => sealed.upstream.behave(wellBehaved(['m'])));
afterAll(() => sealed.close());

function model(options: Partial<SecureProviderOptions> = {}) {
  const settings = { routerUrl: sealed.url, allowHttp: true, apiKey: API_KEY, ...options };
  return createOpenAICompatible(secureProviderSettings(settings))('m');
}

describe('the Vercel AI SDK', () => {
  test('generates a text', async () => {
    const { text, usage } = await generateText({ model: model(), prompt: 'one two' });
    expect(text).toBe('echo: one two');
    expect(usage.totalTokens).toBe(3);
  });

  test('streams a text, each token before the model server has made the next', async () => {
    const events = completionEvents(['one', ' two', ' three']);
    const steps = events.map(() => gate());
    sealed.upstream.behave(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const [index, event] of events.entries()) {
        response.write(event);
        // The SDK hands a piece of text out one later than it came, so one may be ahead.
        await steps[index - 1]?.opened;
      }
      response.end('data: [DONE]\n\n');
    });
    const words: string[] = [];
    for await (const word of streamText({ model: model(), prompt: 'count' }).textStream) {
      steps[words.length]?.open();
      words.push(word);
    }
    expect(words).toEqual(['one', ' two', ' three']);
  });

  test('lets the model call a tool, and gives it the result', async () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{"city":"Paris"}' } };
    sealed.upstream.behave((request, response) => {
      const messages = request.body['messages'] as { role: string; content: string }[];
      const told = messages.find(({ role }) => role === 'tool')?.content;
      const message = { role: 'assistant', content: null, tool_calls: [call] };
      const first = { ...completion(''), choices: [{ index: 0, message, finish_reason: 'tool_calls' }] };
      return json(told === undefined ? first : completion(`It is ${told}`))(request, response);
    });
    const inputSchema = jsonSchema<{ city: string }>({ type: 'object', properties: { city: { type: 'string' } } });
    const weather = tool({ inputSchema, execute: ({ city }) => `18 degrees in ${city}` });
    const { text, steps } = await generateText({
      model: model(),
      prompt: 'How warm is it?',
      tools: { weather },
      stopWhen: stepCountIs(3),
    });
    expect(steps).toHaveLength(2);
    expect(text).toContain('18 degrees in Paris');
  });

  test('passes its abort on to the model server', async () => {
    const closed = gate();
    sealed.upstream.behave((_request, response) => {
      response.on('close', () => closed.open());
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(completionEvents(['first'])[0]);
    });
    const controller = new AbortController();
    const { fullStream } = streamText({ model: model(), prompt: 'x', abortSignal: controller.signal });
    const kinds: string[] = [];
    for await (const { type } of fullStream) {
      kinds.push(type);
      if (type === 'text-start') controller.abort();
    }
    expect(kinds.at(-1)).toBe('abort');
    await closed.opened;
  });

  test('sees a model server that is killed in the middle of a stream as an error, not as an end', async () => {
    sealed.upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(completionEvents(['first'])[0], () => response.socket?.destroy());
    });
    const errors: unknown[] = [];
    const finishes: string[] = [];
    const { fullStream } = streamText({ model: model(), prompt: 'x', onError: ({ error }) => void errors.push(error) });
    const read = async (): Promise<void> => {
      for await (const part of fullStream) if (part.type === 'finish') finishes.push(part.finishReason);
    };
    // First the router's own word, then the end that is missing.
    await expect(read()).rejects.toMatchObject({ cause: { code: 'response_truncated' } });
    expect(errors).toMatchObject([{ code: 'upstream_failed' }]);
    expect(finishes).toEqual([]);
  });

  test.each([
    ['answers, as the adapter has it, is a 403 with its code', 'response', 1],
    ['throws is no error that it knows', 'throw', 1],
  ] as const)(
    'a security error that %s: tried once, and the model server hears nothing',
    async (_how, way, attempts) => {
      const before = sealed.upstream.seen.length;
      let asked = 0;
      const untrusted = model({
        pinnedSigners: ['0'.repeat(64)],
        onSecurityError: way,
        fetch: (url, init) => {
          asked++;
          return fetch(url, init);
        },
      });
      const failure = await generateText({ model: untrusted, prompt: 'x' }).catch((error: unknown) => error);
      if (way === 'response') {
        expect(APICallError.isInstance(failure) && failure.statusCode).toBe(403);
        expect(APICallError.isInstance(failure) && failure.responseBody).toContain('untrusted_signer');
      } else {
        expect(SecurityError.isInstance(failure) && failure.code).toBe('untrusted_signer');
      }
      // Each attempt asks for the keys first, and goes no further.
      expect(asked).toBe(attempts);
      expect(sealed.upstream.seen.length).toBe(before);
    },
  );
});
