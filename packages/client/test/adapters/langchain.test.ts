import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { secureChatFields } from '../../src/node/langchain.ts';
import { chunkEvent, events, json } from '../ohttp/stand-in-gateway.ts';
import { completionOf } from '../stand-in-router.ts';
import { type LoopbackRouter, startRouter } from './loopback-router.ts';

let router: LoopbackRouter;

beforeEach(async () => {
  router = await startRouter();
});

afterEach(() => router.close());

function fields() {
  return secureChatFields({ routerUrl: router.url, apiKey: 'canary-key', allowHttp: true });
}

function chat(): ChatOpenAI {
  return new ChatOpenAI({ model: 'm', ...fields() });
}

test('asks and gets an answer, and the wire shows nothing of it', async () => {
  router.gateway.answer = () => json(completionOf('canary-answer'));
  await expect(chat().invoke('canary-prompt')).resolves.toMatchObject({ content: 'canary-answer' });
  expect(router.gateway.opened[0]?.headers.get('authorization')).toBe('Bearer canary-key');
  expect(router.wire()).not.toMatch(/canary|stainless|chat\/completions/i);
});

test('streams', async () => {
  router.gateway.answer = () => events(chunkEvent('Hel'), chunkEvent('lo', 'stop'), 'data: [DONE]\n\n');
  let text = '';
  for await (const chunk of await chat().stream('x')) text += chunk.text;
  expect(text).toBe('Hello');
});

test('asks for embeddings', async () => {
  router.gateway.answer = () =>
    json({ object: 'list', model: 'm', data: [{ object: 'embedding', index: 0, embedding: [0.5] }], usage: {} });
  const embeddings = new OpenAIEmbeddings({ model: 'm', encodingFormat: 'float', ...fields() });
  await expect(embeddings.embedQuery('x')).resolves.toEqual([0.5]);
});

test('a broken promise of the protocol is not tried again, and keeps its code', async () => {
  let posts = 0;
  const handle = router.gateway.handle.bind(router.gateway);
  router.gateway.handle = async (method, path, body) => {
    if (method === 'GET') return handle(method, path, body);
    posts++;
    return new Response('in clear');
  };
  await expect(chat().invoke('x')).rejects.toMatchObject({ status: 403, code: 'response_not_sealed' });
  expect(posts).toBe(1);
});

test('a stream that was cut is an error', async () => {
  router.gateway.answer = () => events(chunkEvent('Hel'));
  router.gateway.fault = 'no-final-chunk';
  const read = async (): Promise<void> => {
    for await (const _ of await chat().stream('x'));
  };
  await expect(read()).rejects.toMatchObject({ code: 'response_truncated' });
});
