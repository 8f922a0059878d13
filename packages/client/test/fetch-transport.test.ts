import { delay, HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { fetchTransport } from '../src/fetch-transport.ts';
import { SecureChatCompletion } from '../src/index.ts';
import { readAll } from '../src/transport.ts';
import { webPlatform } from '../src/web-platform.ts';
import { ROUTER_URL, StandInRouter } from './stand-in-router.ts';
import { RecordingClock, sharedKeyPair } from './test-platform.ts';

const server = setupServer();
beforeAll(() => server.listen({ onUnhandledRequest: 'error' }));
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

const { transport } = webPlatform;
const GET = { method: 'GET', url: `${ROUTER_URL}/x`, headers: {}, body: null } as const;
const signal = new AbortController().signal;

test('the web platform carries a whole request over fetch and WebCrypto', async () => {
  const router = new StandInRouter(await sharedKeyPair(1));
  server.use(http.all(`${ROUTER_URL}/*`, ({ request }) => router.handle(request)));
  const platform = { ...webPlatform, clock: new RecordingClock(), generateKeyPair: () => sharedKeyPair(0) };
  const client = new SecureChatCompletion({ baseURL: ROUTER_URL, platform, protocol: 'nomyo-v1' });
  const answer = await client.create({ model: 'm', messages: [] });
  expect(answer.choices[0]?.message.content).toBe('hello');
  expect(router.received[0]?.binding).toBeTruthy();
});

test('the web platform has no files and no environment', async () => {
  const client = new SecureChatCompletion({ platform: { ...webPlatform, generateKeyPair: () => sharedKeyPair(0) } });
  await expect(client.client.generateKeys({ saveToFile: true })).rejects.toMatchObject({ code: 'unsupported_runtime' });
  const loading = client.client.loadKeys({ privateKeyPath: 'private_key.pem' });
  await expect(loading).rejects.toMatchObject({ code: 'unsupported_runtime' });
  expect(webPlatform.environment('PATH')).toBeNull();
});

test('hands a redirect on instead of following it', async () => {
  server.use(http.get(`${ROUTER_URL}/x`, () => new HttpResponse(null, { status: 307, headers: { location: '/y' } })));
  const answer = await transport.send({ ...GET, signal });
  expect(answer.status).toBe(307);
});

test('tells header fields in lower case', async () => {
  server.use(http.get(`${ROUTER_URL}/x`, () => new HttpResponse('y', { headers: { 'X-Note': 'z' } })));
  expect((await transport.send({ ...GET, signal })).headers).toMatchObject({ 'x-note': 'z' });
});

test('a failed connection, and one that breaks within the body, is a connection_failed', async () => {
  server.use(http.get(`${ROUTER_URL}/x`, () => HttpResponse.error()));
  await expect(transport.send({ ...GET, signal })).rejects.toMatchObject({ code: 'connection_failed' });
  const broken = new ReadableStream({
    start(stream) {
      stream.enqueue(Uint8Array.of(1));
    },
    pull(stream) {
      stream.error(new Error('cut'));
    },
  });
  server.use(http.get(`${ROUTER_URL}/x`, () => new HttpResponse(broken)));
  const answer = await transport.send({ ...GET, signal });
  await expect(readAll(answer.body, 10)).rejects.toMatchObject({ code: 'connection_failed' });
});

test('an abort ends a request that waits', async () => {
  server.use(http.get(`${ROUTER_URL}/x`, () => delay('infinite')));
  const controller = new AbortController();
  const sent = transport.send({ ...GET, signal: controller.signal });
  setImmediate(() => controller.abort());
  await expect(sent).rejects.toMatchObject({ code: 'connection_failed' });
});

test('a body that is too long is given up, and its source told', async () => {
  let cancelled = false;
  const endless = new ReadableStream({
    pull: (stream) => stream.enqueue(new Uint8Array(8)),
    cancel() {
      cancelled = true;
    },
  });
  const answer = await fetchTransport(async () => new Response(endless)).send({ ...GET, signal });
  await expect(readAll(answer.body, 100)).rejects.toMatchObject({ name: 'SecurityError', code: 'invalid_response' });
  expect(cancelled).toBe(true);
});
