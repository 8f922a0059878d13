import {
  OHTTP_CHUNKED_REQUEST_MEDIA_TYPE,
  OHTTP_CHUNKED_RESPONSE_MEDIA_TYPE,
  OHTTP_GATEWAY_PATH,
} from '@sotto/protocol/ohttp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { chatInput, chooseRecipient, open, seal } from '../gateways/ohttp/sealing-client.ts';
import { type Answer, send } from '../http-client.ts';
import { post, sealFor } from '../nomyo-client.ts';
import { chat } from '../running-router.ts';
import { API_KEY, type DescribedRouter, startDescribedRouter } from './described-router.ts';

let router: DescribedRouter;
/** A key and a conversation that the requests below are about. */
let keyId: string;
let conversation: string;

const BOT = '/api/v1/chatbot/external/bot';
const DEFINITION = { name: 'Second', model: 'm' };
const LIMITS = { requestsPerMinute: 5, requestsPerDay: 50, tokensPerMinute: 5_000 };
const NEW_KEY = {
  models: ['m*'],
  tiers: ['standard', 'high'],
  defaultTier: 'high',
  limits: LIMITS,
  budget: { usd: 2.5, period: 'day' },
  expiresAt: '2999-01-01T00:00:00Z',
};

beforeAll(async () => {
  router = await startDescribedRouter();
  keyId = String((await router.ask('POST', '/admin/v1/keys', { name: 'kept', ...NEW_KEY })).json()['id']);
  const begun = await router.ask('POST', `${BOT}/chat`, { message: 'hello' });
  conversation = String(begun.json()['conversation_id']);
});
afterAll(() => router.close());

/** A good request to one operation; where it has a JSON body, that is held to the description too. */
type Good = () => { readonly path: string; readonly body?: object };

const get =
  (path: string): Good =>
  () => ({ path });
const put =
  (path: string, body?: object): Good =>
  () => ({ path, ...(body === undefined ? {} : { body }) });

/** For each operation the good requests to it, in an order in which each finds what it needs. */
const JSON_REQUESTS: Readonly<Record<string, readonly Good[]>> = {
  ...below((prefix) => ({
    [`POST ${prefix}/v1/chat/completions`]: [
      put(`${prefix}/v1/chat/completions`, chat('hello')),
      put(`${prefix}/v1/chat/completions`, chat('hello', { stream: true, stream_options: { include_usage: true } })),
      put(`${prefix}/v1/chat/completions`, chat('hello', { security_tier: 'standard', own: { member: 1 } })),
    ],
    [`POST ${prefix}/v1/completions`]: [
      put(`${prefix}/v1/completions`, { model: 'm', prompt: ['a', 'b'] }),
      put(`${prefix}/v1/completions`, { model: 'm', prompt: [1, 2, 3], max_tokens: 5 }),
    ],
    [`POST ${prefix}/v1/embeddings`]: [
      put(`${prefix}/v1/embeddings`, { model: 'm', input: 'a' }),
      put(`${prefix}/v1/embeddings`, { model: 'm', input: [[1, 2]], encoding_format: 'base64', dimensions: 2 }),
    ],
    [`GET ${prefix}/v1/models`]: [get(`${prefix}/v1/models`)],
    [`GET ${prefix}/v1/models/{path}`]: [get(`${prefix}/v1/models/m`), get(`${prefix}/v1/models/org/alias`)],
  })),
  'GET /api/v1/chatbot/list': [get('/api/v1/chatbot/list')],
  'POST /api/v1/chatbot/external/{id}/chat': [
    put(`${BOT}/chat`, { message: 'hello' }),
    put(`${BOT}/chat`, { message: 'hello', conversation_id: null, stream: true }),
    () => ({ path: `${BOT}/chat`, body: { message: 'and then', conversation_id: conversation, sources: true } }),
  ],
  'POST /api/v1/chatbot/external/{id}/chat/completions': [
    put(`${BOT}/chat/completions`, { messages: chat('hello')['messages'] }),
    put(`${BOT}/chat/completions`, chat('hello', { stream: true, model: 'any' })),
  ],
  'POST /api/v1/chatbot/external/{id}/v1/chat/completions': [put(`${BOT}/v1/chat/completions`, chat('hello'))],
  'GET /api/v1/chatbot/external/{id}/v1/models': [get(`${BOT}/v1/models`)],
  'GET /api/v1/chatbot/external/{id}/v1/models/{path}': [get(`${BOT}/v1/models/org/alias`)],
  'GET /api/v1/chatbot/external/{id}/conversations/{conversation}': [
    () => ({ path: `${BOT}/conversations/${conversation}` }),
  ],
  'DELETE /api/v1/chatbot/external/{id}/conversations/{conversation}': [
    () => ({ path: `${BOT}/conversations/${conversation}` }),
  ],
  'POST /admin/v1/keys': [
    put('/admin/v1/keys', { name: 'plain' }),
    put('/admin/v1/keys', { name: 'rich', ...NEW_KEY, models: null, budget: { usd: 1, period: 'total' } }),
  ],
  'POST /admin/v1/keys/import': [
    put('/admin/v1/keys/import', {
      keys: [
        { name: 'hashed', sha256: 'ab'.repeat(32) },
        { name: 'given', key: 'enclv_0123456789abcdef', limits: LIMITS },
      ],
    }),
  ],
  'GET /admin/v1/keys': [get('/admin/v1/keys'), get('/admin/v1/keys?limit=1')],
  'GET /admin/v1/keys/{id}': [() => ({ path: `/admin/v1/keys/${keyId}` }), get('/admin/v1/keys/config:one')],
  'PATCH /admin/v1/keys/{id}': [
    () => ({ path: `/admin/v1/keys/${keyId}`, body: { name: 'renamed', limits: null, expiresAt: null } }),
    () => ({ path: `/admin/v1/keys/${keyId}`, body: {} }),
  ],
  'POST /admin/v1/keys/{id}/revoke': [() => ({ path: `/admin/v1/keys/${keyId}/revoke` })],
  'GET /admin/v1/aliases': [get('/admin/v1/aliases')],
  'PUT /admin/v1/aliases/{path}': [put('/admin/v1/aliases/org/second', { models: ['m', 'up/m'] })],
  'DELETE /admin/v1/aliases/{path}': [get('/admin/v1/aliases/org/second')],
  'GET /admin/v1/chatbots': [get('/admin/v1/chatbots')],
  'PUT /admin/v1/chatbots/{id}': [
    put('/admin/v1/chatbots/second', DEFINITION),
    put('/admin/v1/chatbots/second', { id: 'second', ...DEFINITION, tier: 'high', parameters: { top_k: 1 } }),
  ],
  'DELETE /admin/v1/chatbots/{id}': [get('/admin/v1/chatbots/second')],
  'GET /admin/v1/usage': [
    get('/admin/v1/usage'),
    get('/admin/v1/usage?from=2026-01-01&to=2999-01-01&model=m&limit=1'),
    get('/admin/v1/usage?format=csv'),
  ],
  'GET /admin/v1/live': [get('/admin/v1/live')],
  'GET /admin/v1/upstreams': [get('/admin/v1/upstreams')],
  'GET /admin/': [get('/admin/')],
  'GET /admin/assets/{file}': [get('/admin/assets/icon.svg'), get('/admin/assets/app.js')],
  'GET /pki/public_key': [get('/pki/public_key')],
  'GET /pki/keys': [get('/pki/keys')],
  'GET /.well-known/hpke-keys': [get('/.well-known/hpke-keys')],
  'GET /.well-known/ohttp-gateway': [get('/.well-known/ohttp-gateway')],
  'GET /ohttp': [get('/ohttp')],
  'GET /health': [get('/health')],
  'GET /health/live': [get('/health/live')],
  'GET /health/ready': [get('/health/ready')],
  'GET /health/db': [get('/health/db')],
  'GET /metrics': [get('/metrics')],
  'GET /openapi.json': [get('/openapi.json')],
  'GET /openapi.yaml': [get('/openapi.yaml')],
  'GET /api/v1/openapi.json': [get('/api/v1/openapi.json')],
  'GET /api/v1/docs': [get('/api/v1/docs')],
  'GET /api/v1/docs/{file}': [get('/api/v1/docs/start.js'), get('/api/v1/docs/swagger-ui.css')],
};

/** Requests that are sealed, each as its protocol has it. */
const SEALED_REQUESTS: Readonly<Record<string, () => Promise<Answer>>> = {
  'POST /.well-known/ohttp-gateway': () => askSealed(OHTTP_GATEWAY_PATH),
  'POST /ohttp': () => askSealed('/ohttp'),
  'POST /v1/chat/secure_completion': async () =>
    post(router.url, await sealFor(router.url, chat('hello'), { headers: { authorization: `Bearer ${API_KEY}` } })),
};

function below(requests: (prefix: string) => Record<string, readonly Good[]>): Record<string, readonly Good[]> {
  return { ...requests(''), ...requests('/api') };
}

async function askSealed(path: string): Promise<Answer> {
  const keys = await send(router.url + path);
  const sealed = await seal(
    await chooseRecipient(new Uint8Array(keys.body)),
    chatInput({}, [['authorization', `Bearer ${API_KEY}`]]),
  );
  const headers = { 'content-type': OHTTP_CHUNKED_REQUEST_MEDIA_TYPE, incremental: '?1' };
  const answer = await send(router.url + path, { body: sealed.body, headers });
  expect(answer.headers['content-type']).toBe(OHTTP_CHUNKED_RESPONSE_MEDIA_TYPE);
  expect((await open(sealed, new Uint8Array(answer.body))).status).toBe(200);
  return answer;
}

describe('good requests', () => {
  test('are known for every described operation, and for no other', () => {
    const known = [...Object.keys(JSON_REQUESTS), ...Object.keys(SEALED_REQUESTS)];
    expect(known.sort()).toEqual(router.operations.map(({ name }) => name).sort());
  });

  test.each(Object.entries(JSON_REQUESTS))('%s: asked and answered as described', async (name, requests) => {
    const method = name.split(' ')[0] ?? '';
    for (const request of requests) {
      const { path, body } = request();
      if (body !== undefined) expect(router.bodyFaultsOf(name, body), JSON.stringify(body)).toEqual([]);
      const answer = await router.ask(method, path, body);
      expect(answer.status, answer.text.slice(0, 500)).toBeLessThan(300);
      expect(answer.complete).toBe(true);
      expect(router.faultsOf(name, answer), answer.text.slice(0, 500)).toEqual([]);
    }
  });

  test.each(Object.entries(SEALED_REQUESTS))('%s: answered as described', async (name, request) => {
    const answer = await request();
    expect(answer.status).toBe(200);
    expect(router.faultsOf(name, answer)).toEqual([]);
  });
});

test('a description that an answer does not keep to is noticed', async () => {
  const models = await router.ask('GET', '/v1/models');
  expect(router.faultsOf('GET /health', models)).not.toEqual([]);
  expect(router.bodyFaultsOf('POST /v1/embeddings', { model: 'm' })).not.toEqual([]);
});
