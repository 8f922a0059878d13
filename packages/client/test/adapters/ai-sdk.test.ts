import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { generateText, jsonSchema, streamText, tool } from 'ai';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { secureProviderSettings } from '../../src/node/ai-sdk.ts';
import { chunkEvent, events, json, problem } from '../ohttp/stand-in-gateway.ts';
import { completionOf } from '../stand-in-router.ts';
import { type LoopbackRouter, startRouter } from './loopback-router.ts';

let router: LoopbackRouter;

beforeEach(async () => {
  router = await startRouter();
});

afterEach(() => router.close());

function model() {
  return createOpenAICompatible(
    secureProviderSettings({ routerUrl: router.url, apiKey: 'canary-key', allowHttp: true }),
  )('m');
}

test('streamText streams, and the wire shows nothing of it', async () => {
  router.gateway.answer = () => events(chunkEvent('Hel'), chunkEvent('lo', 'stop'), 'data: [DONE]\n\n');
  const { textStream } = streamText({ model: model(), prompt: 'canary-prompt' });
  let text = '';
  for await (const piece of textStream) text += piece;
  expect(text).toBe('Hello');
  expect(router.gateway.opened[0]?.headers.get('authorization')).toBe('Bearer canary-key');
  expect(router.wire()).not.toMatch(/canary|ai-sdk|chat\/completions/i);
});

test('tools are called', async () => {
  const call = { id: 'c', type: 'function', function: { name: 'weather', arguments: '{"city":"Oslo"}' } };
  router.gateway.answer = () =>
    json({
      ...completionOf(''),
      choices: [
        { index: 0, message: { role: 'assistant', content: null, tool_calls: [call] }, finish_reason: 'tool_calls' },
      ],
    });
  const weather = tool({
    description: 'weather',
    inputSchema: jsonSchema({ type: 'object' }),
    execute: async () => 'wet',
  });
  const { toolResults } = await generateText({ model: model(), prompt: 'x', tools: { weather } });
  expect(toolResults).toMatchObject([{ toolName: 'weather', output: 'wet' }]);
});

test('a broken promise of the protocol is not tried again, and keeps its code', async () => {
  let posts = 0;
  const handle = router.gateway.handle.bind(router.gateway);
  router.gateway.handle = async (method, path, body) => {
    if (method === 'GET') return handle(method, path, body);
    posts++;
    return problem('about:blank', 500);
  };
  const failure: unknown = await generateText({ model: model(), prompt: 'x' }).catch((error: unknown) => error);
  expect(failure).toMatchObject({ statusCode: 403, isRetryable: false });
  expect(JSON.stringify(failure)).toContain('response_not_sealed');
  expect(posts).toBe(1);
});

test('a stream that was cut is an error, never a finished answer', async () => {
  router.gateway.answer = () => events(chunkEvent('Hel'));
  router.gateway.fault = 'no-final-chunk';
  const parts: string[] = [];
  const errors: unknown[] = [];
  const result = streamText({
    model: model(),
    prompt: 'x',
    maxRetries: 0,
    onError: ({ error }) => void errors.push(error),
  });
  try {
    for await (const { type } of result.fullStream) parts.push(type);
  } catch (error) {
    errors.push(error);
  }
  expect(errors.map(codeOf)).toContain('response_truncated');
  expect(parts).not.toContain('finish');
});

/** The code of an error, or of the one that the AI SDK wrapped. */
function codeOf(error: unknown): unknown {
  if (!(error instanceof Error)) return null;
  return 'code' in error ? error.code : codeOf(error.cause);
}
