import { signerFingerprint } from '@sotto/protocol/key-statement';
import { nodeCrypto } from '@sotto/protocol/node';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ClientOptions } from '../src/client-options.ts';
import type { CompletionStream } from '../src/completion-stream.ts';
import { SecureChatCompletion } from '../src/node/index.ts';
import {
  byteByByte,
  chunkEvent,
  events,
  GATEWAY_ORIGIN,
  type InnerAnswer,
  json,
  STAND_IN_SIGNER,
  StandInGateway,
} from './ohttp/stand-in-gateway.ts';
import { completionOf } from './stand-in-router.ts';
import { type TestPlatform, testPlatform } from './test-platform.ts';

const REQUEST = { model: 'm', messages: [{ role: 'user', content: 'Hello' }] };
const STREAM = { ...REQUEST, stream: true } as const;
const DONE = 'data: [DONE]\n\n';

let gateway: StandInGateway;
let platform: TestPlatform;

beforeEach(() => {
  gateway = new StandInGateway();
  gateway.answer = () => json(completionOf('hello'));
  platform = testPlatform();
});

function client(options: ClientOptions = {}): SecureChatCompletion {
  return new SecureChatCompletion({
    baseURL: GATEWAY_ORIGIN,
    apiKey: 'k',
    fetch: gateway.fetch,
    platform,
    dangerouslyTrustRouterWithoutEvidence: true,
    ...options,
  });
}

async function textOf(stream: CompletionStream): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  return text;
}

describe('a whole answer', () => {
  test('is asked for at the ordinary route, all of it inside', async () => {
    const answer = await client({ defaultHeaders: { 'x-note': 'n' } }).create(
      { ...REQUEST, security_tier: 'high', stream_options: { include_usage: true } },
      { idempotencyKey: 'i' },
    );
    expect(answer.choices[0]?.message.content).toBe('hello');
    const [request] = gateway.opened;
    expect(request).toMatchObject({ method: 'POST', path: '/v1/chat/completions' });
    expect(JSON.parse(request?.text ?? '')).toEqual(REQUEST);
    expect(Object.fromEntries(request?.headers ?? [])).toMatchObject({
      authorization: 'Bearer k',
      'content-type': 'application/json',
      'x-security-tier': 'high',
      'x-note': 'n',
      'idempotency-key': 'i',
    });
    expect(gateway.outer.every(({ headers }) => !headers.has('x-note') && !headers.has('authorization'))).toBe(true);
  });

  test('carries metadata about the way it came', async () => {
    gateway.answer = () => ({
      ...json(completionOf('hello')),
      headers: [
        ['date', 'Fri, 15 Jan 2027 08:00:00 GMT'],
        ['x-sotto-tier', 'high'],
        ['x-request-id', 'request-1'],
      ],
    });
    const { data, response } = await client().create(REQUEST).withResponse();
    expect(data._metadata).toEqual({
      payload_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      processed_at: 1_800_000_000,
      is_encrypted: true,
      encryption_algorithm: 'MLKEM768-X25519, HKDF-SHA256, AES-256-GCM',
      response_authenticated: true,
      protocol: 'ohttp',
      key_trust: 'unpinned',
      security_tier: 'high',
    });
    expect(response).toMatchObject({ status: 200, requestId: 'request-1' });
  });

  test('an error out of the ciphertext is authenticated, and tried again where that may help', async () => {
    let left = 2;
    gateway.answer = () =>
      left-- > 0 ? json({ error: { message: 'busy', code: 'overloaded' } }, 503) : json(completionOf('hello'));
    await expect(client().create(REQUEST)).resolves.toMatchObject({ id: 'chatcmpl-1' });
    expect(platform.clock.delays).toHaveLength(2);
    expect(new Set(gateway.opened.map(({ enc }) => enc)).size).toBe(3);
    gateway.answer = () => json({ error: { message: 'no', code: 'invalid_api_key' } }, 401);
    await expect(client().create(REQUEST)).rejects.toMatchObject({
      name: 'AuthenticationError',
      code: 'invalid_api_key',
      authenticated: true,
    });
  });

  test('a load balancer that answers in the place of the router is tried again, unauthenticated', async () => {
    gateway.intercept = (request) => (request.method === 'POST' ? new Response('busy', { status: 503 }) : null);
    await expect(client({ maxRetries: 1 }).create(REQUEST)).rejects.toMatchObject({
      status: 503,
      code: 'response_not_sealed',
      authenticated: false,
    });
    expect(platform.clock.delays).toHaveLength(1);
  });

  test('an answer in clear is never an answer, and never tried again', async () => {
    gateway.intercept = (request) => (request.method === 'POST' ? Response.json(completionOf('forged')) : null);
    await expect(client().create(REQUEST)).rejects.toMatchObject({ code: 'response_not_sealed' });
    expect(platform.clock.delays).toEqual([]);
  });

  test.each([
    ['no JSON', { status: 200, pieces: ['hello'] }],
    ['no object', json([1])],
    ['no completion', json({ id: 'x' })],
  ])('that is %s is refused', async (_, answer: InnerAnswer) => {
    gateway.answer = () => answer;
    await expect(client().create(REQUEST)).rejects.toMatchObject({ code: 'invalid_response' });
  });

  test('that is cut off is refused', async () => {
    gateway.fault = 'no-final-chunk';
    await expect(client().create(REQUEST)).rejects.toMatchObject({ code: 'response_truncated' });
  });

  test('of a request that is aborted or out of time never comes', async () => {
    gateway.answer = () => new Promise<never>(() => undefined);
    const controller = new AbortController();
    const aborted = expect(client().create(REQUEST, { signal: controller.signal })).rejects.toMatchObject({
      name: 'APIUserAbortError',
    });
    setImmediate(() => controller.abort());
    await aborted;
    await expect(client().create(REQUEST, { timeout: 20, maxRetries: 0 })).rejects.toMatchObject({
      name: 'APITimeoutError',
    });
  });

  test('no RSA key pair is made for it', async () => {
    await client().create(REQUEST);
    expect(platform.generated()).toBe(0);
  });
});

describe('a streamed answer', () => {
  test('comes chunk by chunk, with the options for streams inside', async () => {
    gateway.answer = () => events(chunkEvent('Hel'), ': keep-alive\n\n', chunkEvent('lo', 'stop'), DONE);
    const stream = await client().create({ ...STREAM, stream_options: { include_usage: true } });
    await expect(textOf(stream)).resolves.toBe('Hello');
    expect(JSON.parse(gateway.opened[0]?.text ?? '')).toEqual({ ...STREAM, stream_options: { include_usage: true } });
  });

  test('is the same when every byte comes by itself', async () => {
    gateway.split = byteByByte;
    gateway.answer = () => events(...Array.from(chunkEvent('Hello 🔐') + DONE));
    await expect(textOf(await client().create(STREAM))).resolves.toBe('Hello 🔐');
  });

  test('hands out a chunk before the next one is made', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    gateway.answer = () => ({
      status: 200,
      pieces: (async function* () {
        yield chunkEvent('one');
        await held;
        yield chunkEvent('two') + DONE;
      })(),
    });
    const chunks = (await client().create(STREAM))[Symbol.asyncIterator]();
    const first = await chunks.next();
    expect(first.value).toMatchObject({ choices: [{ delta: { content: 'one' } }], _metadata: { protocol: 'ohttp' } });
    release();
    const second: unknown = (await chunks.next()).value;
    expect(second).toMatchObject({ choices: [{ delta: { content: 'two' } }] });
    expect(second).not.toHaveProperty('_metadata');
    await expect(chunks.next()).resolves.toMatchObject({ done: true });
  });

  test.each([
    ['without [DONE]', events(chunkEvent('Hel', 'stop')), null],
    ['without its final chunk, even after [DONE]', events(chunkEvent('Hel'), DONE), 'no-final-chunk'],
    ['in the middle of an event', events(chunkEvent('Hel'), 'data: {"cho'), 'no-final-chunk'],
  ] as const)('that ends %s throws after what came', async (_, answer, fault) => {
    gateway.answer = () => answer;
    gateway.fault = fault;
    let text = '';
    const read = async () => {
      for await (const chunk of await client().create(STREAM)) text += chunk.choices[0]?.delta.content ?? '';
    };
    await expect(read()).rejects.toMatchObject({ name: 'SecurityError', code: 'response_truncated' });
    expect(text).toBe('Hel');
  });

  test('an error inside is typed and authenticated', async () => {
    const error = { message: 'the upstream broke off', type: 'server_error', param: null, code: 'upstream_failed' };
    gateway.answer = () => events(chunkEvent('Hel'), `data: ${JSON.stringify({ error })}\n\n`);
    gateway.fault = 'no-final-chunk';
    await expect(textOf(await client().create(STREAM))).rejects.toMatchObject({
      name: 'ServerError',
      status: 502,
      code: 'upstream_failed',
      authenticated: true,
    });
  });

  test.each(['data: hello\n\n', 'data: []\n\n', 'data: {"choices":[{}]}\n\n', 'data: {}\n\n'])(
    'an event that is no chunk is refused: %j',
    async (event) => {
      gateway.answer = () => events(event, DONE);
      await expect(textOf(await client().create(STREAM))).rejects.toMatchObject({ code: 'invalid_response' });
    },
  );

  test('of an upstream that cannot stream is one chunk', async () => {
    await expect(textOf(await client().create(STREAM))).resolves.toBe('hello');
  });

  test('that begins with an error status is tried again, before anything was handed out', async () => {
    let left = 1;
    gateway.answer = () => (left-- > 0 ? json({ error: { message: 'busy' } }, 503) : events(chunkEvent('x'), DONE));
    await expect(textOf(await client().create(STREAM))).resolves.toBe('x');
  });

  test.each(['controller', 'signal'] as const)('ends by its %s, and the router hears of it', async (how) => {
    gateway.answer = () => ({
      status: 200,
      pieces: (async function* () {
        yield chunkEvent('one');
        await new Promise(() => undefined);
      })(),
    });
    const caller = new AbortController();
    const stream = await client().create(STREAM, { signal: caller.signal });
    const chunks = stream[Symbol.asyncIterator]();
    await chunks.next();
    const next = expect(chunks.next()).rejects.toMatchObject({ name: 'APIUserAbortError', code: 'request_aborted' });
    (how === 'signal' ? caller : stream.controller).abort();
    await next;
    expect(gateway.cancelled).toBe(true);
  });

  test('that is left early ends the exchange', async () => {
    gateway.answer = () => events(chunkEvent('one'), chunkEvent('two'), chunkEvent('three'), DONE);
    for await (const _ of await client().create(STREAM)) break;
    expect(gateway.cancelled).toBe(true);
  });

  test('is not ended by the deadline of its first byte', async () => {
    gateway.answer = () => events(chunkEvent('one'), chunkEvent('two'), DONE);
    const stream = await client().create(STREAM, { timeout: 2_000 });
    await expect(textOf(stream)).resolves.toBe('onetwo');
  });
});

describe('the choice of protocol', () => {
  test('a pinned identity is asked for, and told in the metadata', async () => {
    const pin = await signerFingerprint(nodeCrypto, STAND_IN_SIGNER.publicKey);
    const answer = await client({ pinnedSigners: [pin], protocol: 'ohttp' }).create(REQUEST);
    expect(answer._metadata['key_trust']).toBe('pinned');
  });

  test('withOptions shares the key where no changed option concerns it', async () => {
    const chat = client();
    await chat.create(REQUEST);
    await chat.withOptions({ apiKey: 'other' }).create(REQUEST);
    expect(gateway.outer.filter(({ method }) => method === 'GET')).toHaveLength(1);
    await chat.withOptions({ pqKem: 'required' }).create(REQUEST);
    expect(gateway.outer.filter(({ method }) => method === 'GET')).toHaveLength(2);
  });
});
