import { apiErrorOfStatus, errorBodyWithDetail } from '@sotto/protocol';
import type { RsaKeyPair } from '@sotto/protocol/nomyo-v1';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ClientOptions } from '../src/client-options.ts';
import { SecureChatCompletion } from '../src/node/index.ts';
import { completionOf, overloaded, ROUTER_URL, StandInRouter } from './stand-in-router.ts';
import { sharedKeyPair, type TestPlatform, testPlatform } from './test-platform.ts';

const REQUEST = { model: 'm', messages: [{ role: 'user', content: 'Hello' }] };

let router: StandInRouter;
let platform: TestPlatform;

beforeEach(async () => {
  router = new StandInRouter(await sharedKeyPair(1));
  platform = testPlatform();
});

function client(options: ClientOptions = {}): SecureChatCompletion {
  return new SecureChatCompletion({
    baseURL: ROUTER_URL,
    apiKey: 'k',
    fetch: router.fetch,
    platform,
    protocol: 'nomyo-v1',
    ...options,
  });
}

/** Answers the first `count` requests for a completion by itself. */
function failFirst(count: number, response: () => Response | Promise<Response>): void {
  let left = count;
  router.answer = () => completionOf('hello');
  router.intercept = (_, path) => (path === '/pki/public_key' || left-- <= 0 ? null : response());
}

describe('retries', () => {
  test.each([429, 500, 502, 503, 504])('tries again after a %i', async (status) => {
    failFirst(2, () => new Response('{}', { status }));
    await expect(client().create(REQUEST)).resolves.toMatchObject({ id: 'chatcmpl-1' });
    expect(platform.clock.delays).toHaveLength(2);
  });

  test.each([400, 401, 403, 404, 405, 408, 409, 413, 422, 501])('does not try again after a %i', async (status) => {
    failFirst(1, () => new Response('{}', { status }));
    await expect(client().create(REQUEST)).rejects.toMatchObject({ status });
    expect(platform.clock.delays).toEqual([]);
  });

  test('tries again after a failed connection, and gives up after maxRetries', async () => {
    failFirst(3, () => Promise.reject(new TypeError('refused')));
    await expect(client().create(REQUEST)).rejects.toMatchObject({
      name: 'APIConnectionError',
      code: 'connection_failed',
    });
    expect(platform.clock.delays).toHaveLength(2);
    await expect(client().create(REQUEST)).resolves.toMatchObject({ id: 'chatcmpl-1' });
  });

  test('tries again when the router key could not be fetched', async () => {
    let left = 1;
    router.intercept = (_, path) => (path === '/pki/public_key' && left-- > 0 ? overloaded() : null);
    await expect(client().create(REQUEST)).resolves.toMatchObject({ id: 'chatcmpl-1' });
  });

  test('maxRetries of a request holds over that of the client', async () => {
    failFirst(9, () => overloaded());
    await expect(client().create(REQUEST, { maxRetries: 0 })).rejects.toMatchObject({ status: 503 });
    expect(platform.clock.delays).toEqual([]);
  });

  test('seals every attempt anew', async () => {
    const bodies: string[] = [];
    router.intercept = async (request, path) => {
      if (path === '/pki/public_key') return null;
      bodies.push(await request.clone().text());
      return bodies.length < 3 ? overloaded() : null;
    };
    await client().create(REQUEST);
    const envelopes = bodies.map((body) => JSON.parse(body) as Record<string, Record<string, string>>);
    expect(new Set(envelopes.map((envelope) => envelope['encrypted_aes_key'])).size).toBe(3);
    expect(new Set(envelopes.map((envelope) => envelope['encrypted_payload']?.['nonce'])).size).toBe(3);
    expect(new Set(envelopes.map((envelope) => envelope['encrypted_payload']?.['ciphertext'])).size).toBe(3);
  });

  test('waits as long as retry-after-ms or Retry-After asks', async () => {
    const waits = [{ 'retry-after-ms': '1234' }, { 'retry-after': '3' }];
    failFirst(2, () => overloaded(waits.shift()));
    await client().create(REQUEST);
    expect(platform.clock.delays).toEqual([1234, 3000]);
  });

  test('gives up at once where the router asks for a longer wait than a minute', async () => {
    failFirst(1, () => overloaded({ 'retry-after': '61' }));
    await expect(client().create(REQUEST)).rejects.toMatchObject({
      name: 'ServiceUnavailableError',
      retryAfterMs: 61_000,
    });
    expect(platform.clock.delays).toEqual([]);
  });

  test('backs off with doubled, jittered waits up to eight seconds', async () => {
    failFirst(6, () => overloaded());
    await client({ maxRetries: 6 }).create(REQUEST);
    const ceilings = [500, 1000, 2000, 4000, 8000, 8000];
    expect(platform.clock.delays).toHaveLength(6);
    for (const [index, delay] of platform.clock.delays.entries()) {
      expect(delay).toBeLessThanOrEqual(ceilings[index] ?? 0);
      expect(delay).toBeGreaterThanOrEqual((ceilings[index] ?? 0) * 0.75);
    }
  });

  test('sends the same Idempotency-Key with each attempt', async () => {
    const keys: (string | null)[] = [];
    router.intercept = (request, path) => {
      if (path === '/pki/public_key') return null;
      keys.push(request.headers.get('idempotency-key'));
      return keys.length < 2 ? overloaded() : null;
    };
    await client().create(REQUEST, { idempotencyKey: 'once' });
    expect(keys).toEqual(['once', 'once']);
  });
});

describe('error answers', () => {
  test.each([
    [400, 'InvalidRequestError'],
    [401, 'AuthenticationError'],
    [403, 'ForbiddenError'],
    [404, 'NotFoundError'],
    [413, 'PayloadTooLargeError'],
    [418, 'APIError'],
    [429, 'RateLimitError'],
    [500, 'ServerError'],
    [503, 'ServiceUnavailableError'],
  ])('a %i is a %s, and not authenticated', async (status, name) => {
    const error = apiErrorOfStatus(status, 'a reason', { code: 'a_code', param: 'messages' });
    failFirst(9, () => Response.json(errorBodyWithDetail(error), { status, headers: { 'x-request-id': 'r' } }));
    const caught = await client({ maxRetries: 0 })
      .create(REQUEST)
      .catch((reason: unknown) => reason);
    const expected = { name, status, code: 'a_code', param: 'messages', requestId: 'r', authenticated: false };
    expect(caught).toMatchObject({ ...expected, message: 'a reason' });
  });

  test('an error page that is too long, or cut, tells its status alone', async () => {
    failFirst(1, () => new Response('x'.repeat(70_000), { status: 404 }));
    await expect(client().create(REQUEST)).rejects.toMatchObject({ status: 404, code: 'not_found' });
  });
});

describe('an abort ends the request at once', () => {
  const aborted = { name: 'APIUserAbortError', code: 'request_aborted' };

  test('before anything is done', async () => {
    const request = client().create(REQUEST, { signal: AbortSignal.abort() });
    await expect(request).rejects.toMatchObject(aborted);
    expect(router.keyRequests).toHaveLength(0);
  });

  test('while the key pair is made', async () => {
    const never = new Promise<RsaKeyPair>(() => undefined);
    const controller = new AbortController();
    const request = client({ platform: testPlatform({}, () => never) }).create(REQUEST, { signal: controller.signal });
    setImmediate(() => controller.abort());
    await expect(request).rejects.toMatchObject(aborted);
  });

  test.each([
    ['the router key is fetched', '/pki/public_key'],
    ['the answer is waited for', '/v1/chat/secure_completion'],
  ])('while %s', async (_, silentPath) => {
    const controller = new AbortController();
    let stopped = false;
    router.intercept = (request, path) => {
      if (path !== silentPath) return null;
      request.signal.addEventListener('abort', () => (stopped = true));
      setImmediate(() => controller.abort());
      return new Promise<null>(() => undefined);
    };
    await expect(client().create(REQUEST, { signal: controller.signal })).rejects.toMatchObject(aborted);
    expect(stopped).toBe(true);
    expect(platform.clock.delays).toEqual([]);
  });

  test('while the body of the answer arrives', async () => {
    const controller = new AbortController();
    router.intercept = (_, path) => {
      if (path === '/pki/public_key') return null;
      const body = new ReadableStream({
        start(stream) {
          stream.enqueue(new TextEncoder().encode('{'));
          setImmediate(() => controller.abort());
        },
      });
      return new Response(body);
    };
    await expect(client().create(REQUEST, { signal: controller.signal })).rejects.toMatchObject(aborted);
  });

  test('between two attempts', async () => {
    const controller = new AbortController();
    failFirst(9, () => overloaded());
    platform.clock.onDelay = async () => controller.abort();
    await expect(client().create(REQUEST, { signal: controller.signal })).rejects.toMatchObject(aborted);
    expect(platform.clock.delays).toHaveLength(1);
  });

  test('and sends nothing where the key pair is ready only after it', async () => {
    const pair = await sharedKeyPair(0);
    const controller = new AbortController();
    let ready: (pair: RsaKeyPair) => void = () => undefined;
    const making = new Promise<RsaKeyPair>((resolve) => (ready = resolve));
    const chat = client({ platform: testPlatform({}, () => making) });
    const request = chat.create(REQUEST, { signal: controller.signal });
    const rejected = expect(request).rejects.toMatchObject(aborted);
    controller.abort();
    await rejected;
    ready(pair);
    await expect(chat.create(REQUEST)).resolves.toMatchObject({ id: 'chatcmpl-1' });
    expect(router.received).toHaveLength(1);
  });

  test('of one caller and leaves the others alone', async () => {
    const controller = new AbortController();
    let release: (value: null) => void = () => undefined;
    const gate = new Promise<null>((resolve) => (release = resolve));
    router.intercept = (_, path) => (path === '/pki/public_key' ? gate : null);
    const chat = client();
    const first = chat.create(REQUEST, { signal: controller.signal });
    const second = chat.create(REQUEST);
    const rejected = expect(first).rejects.toMatchObject(aborted);
    setImmediate(() => controller.abort());
    await rejected;
    release(null);
    await expect(second).resolves.toMatchObject({ id: 'chatcmpl-1' });
    expect(router.keyRequests).toHaveLength(1);
  });
});

describe('timeouts', () => {
  const timedOut = { name: 'APITimeoutError', code: 'connection_timeout' };

  test('end an attempt that gets no answer', async () => {
    router.intercept = (_, path) => (path === '/pki/public_key' ? null : new Promise<null>(() => undefined));
    const request = client({ timeout: 20, maxRetries: 0 }).create(REQUEST);
    await expect(request).rejects.toMatchObject(timedOut);
  });

  test('of a request hold over those of the client, and each attempt has its own', async () => {
    router.intercept = () => new Promise<null>(() => undefined);
    await expect(client().create(REQUEST, { timeout: 20, maxRetries: 1 })).rejects.toMatchObject(timedOut);
    expect(platform.clock.delays).toHaveLength(1);
  });

  test('of a hung key fetch do not hang the next request', async () => {
    let hang = true;
    router.intercept = (_, path) => (path === '/pki/public_key' && hang ? new Promise<null>(() => undefined) : null);
    const chat = client();
    await expect(chat.create(REQUEST, { timeout: 20, maxRetries: 0 })).rejects.toMatchObject(timedOut);
    hang = false;
    await expect(chat.create(REQUEST)).resolves.toMatchObject({ id: 'chatcmpl-1' });
  });

  test.each([0, -1, Number.NaN, 2 ** 31])('of %d milliseconds are refused', async (timeout) => {
    await expect(client().create(REQUEST, { timeout })).rejects.toMatchObject({ code: 'invalid_option' });
    expect(() => client({ timeout })).toThrow(expect.objectContaining({ code: 'invalid_option' }));
  });
});
