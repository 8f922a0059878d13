import { createSecureFetch } from '@sotto/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { sealFor } from '../packages/router/test/gateways/ohttp/open-exchange.ts';
import { completion, json, type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { type Collector, startCollector } from '../packages/router/test/tracing/collector.ts';
import { connectTo, isLast } from '../packages/router/test/websocket/socket-client.ts';
import { ADMIN_KEY, databaseText, sendTo, startKept } from './kept-router.ts';
import { scratchFolder } from './scratch-folder.ts';
import type { RunningRouter } from './sotto.ts';
import { findEncodings } from './wire-tap.ts';

const PROMPT = 'CANARY-prompt-4711';
const MESSAGE = 'CANARY-message-0815';
const ANSWER = 'CANARY-answer-2342';
const UPSTREAM_WORD = 'CANARY-upstream-9000';
const WRONG_KEY = 'sotto_CANARY-wrong-6502';
const IMPORTED_KEY = 'enclv_CANARY-imported-8086';
const QUERY = 'CANARY-query-1138';
const REQUEST_NAME = 'CANARY-name-1618';
const CHAT = 'POST /v1/chat/completions';
const BOT_CHAT = 'POST /api/v1/chatbot/external/helper/chat';
const folder = scratchFolder();
let upstream: StandInUpstream;
let collector: Collector;
let router: RunningRouter;

beforeAll(async () => {
  upstream = await startStandIn(['m']);
  collector = await startCollector();
  // As loud as it can be.
  const config = {
    logging: { level: 'trace', sealedDetail: true },
    tracing: { otlpUrl: collector.url, sealedDetail: true, propagate: true },
  };
  router = await startKept({ folder, baseUrl: upstream.baseUrl, models: ['m'], config });
});
afterAll(() => Promise.all([upstream.close(), collector.close()]));

function question(content: string, more: object = {}): object {
  return { model: 'm', messages: [{ role: 'user', content }], ...more };
}

test('no prompt, message, answer, key or token text is in database, metrics, description, administration or output', async () => {
  upstream.behave(json(completion(ANSWER)));
  const made = await sendTo(router, 'POST /admin/v1/keys', { body: { name: 'made' } });
  const key = String(made.json['key']);
  const imported = { keys: [{ name: 'imported', key: IMPORTED_KEY }] };
  expect((await sendTo(router, 'POST /admin/v1/keys/import', { body: imported })).status).toBe(201);
  await sendTo(router, 'PUT /admin/v1/chatbots/helper', { body: { name: 'Helper', model: 'm' } });

  // What goes right, in clear and sealed: nothing of it may stay anywhere.
  expect((await sendTo(router, CHAT, { key, body: question(PROMPT) })).text).toContain(ANSWER);
  expect((await sendTo(router, CHAT, { key: IMPORTED_KEY, body: question(PROMPT) })).status).toBe(200);
  const turn = await sendTo(router, BOT_CHAT, { key, body: { message: MESSAGE } });
  expect(turn.text).toContain(ANSWER);
  const secureFetch = createSecureFetch({ routerUrl: router.url, allowHttp: true });
  const headers = { 'x-api-key': key, 'content-type': 'application/json' };
  const sealedTurn = { message: MESSAGE, conversation_id: turn.json['conversation_id'], security_tier: 'standard' };
  const sealedAnswer = await secureFetch(`${router.url}/api/v1/chatbot/external/helper/chat`, {
    method: 'POST',
    headers,
    body: JSON.stringify(sealedTurn),
  });
  expect(await sealedAnswer.text()).toContain(ANSWER);
  const path = '/v1/chat/completions';
  const socket = await connectTo(`${router.url}${path}?token=${key}`);
  const named = question(PROMPT, { stream: false, request_id: REQUEST_NAME });
  socket.send(named);
  await socket.until(isLast(REQUEST_NAME));
  const authorized = [['content-type', 'application/json'] as const, ['x-api-key', key] as const];
  const { body } = await sealFor(router.url, { path, headers: authorized, body: JSON.stringify(question(PROMPT)) });
  socket.send({ type: 'sealed', request_id: REQUEST_NAME, message: Buffer.from(body).toString('base64') });
  await socket.until(({ done }) => done === true);

  // What goes wrong
  await sendTo(router, CHAT, { key: WRONG_KEY, body: question(PROMPT) });
  await sendTo(router, CHAT, { key, body: question(PROMPT, { stream: PROMPT }) });
  await sendTo(router, `${CHAT}?token=${QUERY}`, { key, body: question(PROMPT, { model: PROMPT }) });
  await sendTo(router, `GET /admin/v1/keys?after=${QUERY}`);
  await sendTo(router, 'GET /admin/v1/keys', { key: WRONG_KEY });
  upstream.behave(json({ error: { message: `${UPSTREAM_WORD} ${PROMPT}` } }, 500));
  await sendTo(router, CHAT, { key, body: question(PROMPT) });
  await sendTo(router, BOT_CHAT, { key, body: { message: MESSAGE } });
  upstream.behave((_request, response) => void response.end(`${UPSTREAM_WORD} {`));
  await sendTo(router, CHAT, { key, body: question(PROMPT, { stream: true }) });

  const secrets = {
    PROMPT,
    MESSAGE,
    ANSWER,
    UPSTREAM_WORD,
    WRONG_KEY,
    IMPORTED_KEY,
    QUERY,
    REQUEST_NAME,
    ADMIN_KEY,
    'the key that was made': key,
    'the key without its hint': key.slice(16),
    'the configured key': 'sotto_configured_key',
  };
  const places = new Map<string, string>();
  for (const path of ['/metrics', '/openapi.json', '/openapi.yaml', '/api/v1/docs', '/health/ready', '/health/db']) {
    places.set(path, (await sendTo(router, `GET ${path}`)).text);
  }
  for (const path of ['keys', 'aliases', 'chatbots', 'usage', 'usage?format=csv', 'upstreams']) {
    places.set(path, (await sendTo(router, `GET /admin/v1/${path}`)).text);
  }
  expect(places.get('usage')).toContain('"requests":');
  const database = (): string => databaseText(folder);
  places.set('the database of the running router', database());
  expect(await router.stop()).toBe(0);
  places.set('the database after the stop', database());
  places.set('what the process wrote', router.written());
  places.set('what was traced', collector.text);
  expect(database()).toContain('helper');
  expect(router.written()).toContain('listening');
  expect(router.events.filter(({ event }) => event === 'request').length).toBeGreaterThan(15);
  expect(collector.spans().length).toBeGreaterThan(15);
  for (const [place, text] of places) {
    for (const [name, secret] of Object.entries(secrets)) {
      expect(findEncodings(Buffer.from(text, 'latin1'), secret), `${name} in ${place}`).toEqual([]);
    }
  }
});
