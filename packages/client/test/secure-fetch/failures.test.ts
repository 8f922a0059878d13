import { OHTTP_DATE_PROBLEM_TYPE } from '@sotto/protocol/ohttp';
import { beforeEach, describe, expect, test } from 'vitest';
import { createSecureFetch } from '../../src/node/index.ts';
import type { SecureFetchOptions } from '../../src/secure-fetch/create-secure-fetch.ts';
import type { SecureFetch } from '../../src/secure-fetch/secure-fetch.ts';
import { byteByByte, GATEWAY_ORIGIN, NOW_MS, problem, StandInGateway } from '../ohttp/stand-in-gateway.ts';

const URL_ = `${GATEWAY_ORIGIN}/v1/chat/completions?x=1`;

let gateway: StandInGateway;

beforeEach(() => {
  gateway = new StandInGateway();
});

function secure(options: Partial<SecureFetchOptions> = {}): SecureFetch {
  return createSecureFetch({
    routerUrl: GATEWAY_ORIGIN,
    fetch: gateway.fetch,
    runtime: { clock: { now: () => NOW_MS } },
    ...options,
  });
}

describe('an answer that is not what it should be', () => {
  test.each([
    ['no-final-chunk', 'response_truncated'],
    ['no-end-of-content', 'response_truncated'],
    ['tampered', 'decryption_failed'],
  ] as const)('%s: the body errors with %s, after what was authentic', async (fault, code) => {
    for (const split of [(body: Uint8Array) => [body], byteByByte]) {
      gateway.split = split;
      gateway.fault = fault;
      gateway.answer = () => ({ status: 200, pieces: ['data'] });
      const response = await secure()(URL_);
      await expect(response.text()).rejects.toMatchObject({ name: 'SecurityError', code });
    }
  });

  test('a body that breaks off after its head is truncated, not ended', async () => {
    gateway.fault = 'after-head';
    await expect((await secure()(URL_)).text()).rejects.toMatchObject({ code: 'response_truncated' });
  });

  test('a body that ends before its head is no answer', async () => {
    gateway.intercept = async (request) =>
      request.method === 'POST'
        ? new Response(new Uint8Array(40), { headers: { 'content-type': 'message/ohttp-chunked-res' } })
        : null;
    await expect(secure()(URL_)).rejects.toMatchObject({ name: 'SecurityError', code: 'response_truncated' });
  });

  test.each([
    ['in clear', () => Response.json({ choices: [] })],
    ['with another content type', () => new Response('x', { headers: { 'content-type': 'message/ohttp-res' } })],
    ['with a redirect', () => new Response(null, { status: 307, headers: { location: 'https://evil.test' } })],
    ['with an outer 500', () => new Response('boom', { status: 500 })],
    ['with an outer 401', () => Response.json({ error: { message: 'no' } }, { status: 401 })],
    [
      'with an outer 201 of the right type',
      () => new Response('x', { status: 201, headers: { 'content-type': 'message/ohttp-chunked-res' } }),
    ],
    ['with a problem of no type', () => problem('about:blank', 400)],
  ])('%s is an error, never an answer', async (_, response) => {
    gateway.intercept = (request) => (request.method === 'POST' ? response() : null);
    await expect(secure()(URL_)).rejects.toMatchObject({ name: 'UnsealedResponseError', code: 'response_not_sealed' });
    const answered = await secure({ onSecurityError: 'response' })(URL_);
    expect(answered.status).toBe(403);
    expect(answered.headers.get('x-should-retry')).toBe('false');
    await expect(answered.json()).resolves.toMatchObject({ error: { code: 'response_not_sealed' } });
  });

  test('what came in clear is kept for a look, 4 KiB of it and no more', async () => {
    gateway.intercept = (request) => (request.method === 'POST' ? new Response('z'.repeat(9_000)) : null);
    await expect(secure()(URL_)).rejects.toMatchObject({ status: 200, untrustedBody: 'z'.repeat(4_096) });
  });

  test.each([429, 502, 503, 504])('an outer %i is an unauthenticated error that may be tried again', async (status) => {
    gateway.intercept = (request) =>
      request.method === 'POST' ? new Response('busy', { status, headers: { 'retry-after': '2' } }) : null;
    await expect(secure()(URL_)).rejects.toMatchObject({ status, authenticated: false, retryAfterMs: 2_000 });
    const answered = await secure({ onSecurityError: 'response' })(URL_);
    expect(answered.status).toBe(status);
    expect(answered.headers.get('retry-after-ms')).toBe('2000');
    expect(await answered.text()).not.toContain('busy');
  });

  test('a time that the gateway refuses is told, and not tried again', async () => {
    gateway.intercept = (request) => (request.method === 'POST' ? problem(OHTTP_DATE_PROBLEM_TYPE, 400) : null);
    await expect(secure()(URL_)).rejects.toMatchObject({ name: 'SecurityError', code: 'replayed_request' });
    expect(gateway.outer).toHaveLength(2);
  });

  test('a tier that does not exist is refused as a router would, naming the member, and nothing is sent', async () => {
    const init = { method: 'POST', body: '{"security_tier":"utmost"}' };
    const answered = await secure({ onSecurityError: 'response' })(URL_, init);
    expect(answered.status).toBe(400);
    const error = { code: 'invalid_security_tier', param: 'security_tier' };
    await expect(answered.json()).resolves.toMatchObject({ error });
    await expect(secure()(URL_, init)).rejects.toMatchObject(error);
    expect(gateway.outer).toEqual([]);
  });

  test('a failed connection stays a failed connection, in both ways to tell', async () => {
    gateway.intercept = () => Promise.reject(new TypeError('refused'));
    for (const onSecurityError of ['throw', 'response'] as const) {
      await expect(secure({ onSecurityError })(URL_)).rejects.toMatchObject({ code: 'connection_failed' });
    }
  });
});

describe('aborts', () => {
  const reason = new DOMException('stop', 'AbortError');

  test('before anything: nothing is sent', async () => {
    await expect(secure()(URL_, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(gateway.outer).toEqual([]);
  });

  test.each(['GET', 'POST'])('while the answer to the %s is awaited', async (method) => {
    const controller = new AbortController();
    gateway.intercept = async (request) => {
      if (request.method === method) controller.abort(reason);
      return null;
    };
    await expect(secure()(URL_, { signal: controller.signal })).rejects.toBe(reason);
  });

  test('while the body is read: the reader gets the reason, and the exchange ends', async () => {
    const controller = new AbortController();
    gateway.answer = () => ({
      status: 200,
      pieces: (async function* () {
        yield 'one';
        await new Promise(() => undefined);
      })(),
    });
    const reader = (await secure()(URL_, { signal: controller.signal })).body?.getReader();
    await reader?.read();
    const rejected = expect(reader?.read()).rejects.toBe(reason);
    controller.abort(reason);
    await rejected;
    expect(gateway.cancelled).toBe(true);
  });

  test('while a slow writer keeps the request waiting', async () => {
    const controller = new AbortController();
    const body = new ReadableStream<Uint8Array>({
      start(stream) {
        stream.enqueue(new Uint8Array(10));
      },
    });
    const sent = secure()(URL_, { method: 'POST', body, signal: controller.signal });
    const rejected = expect(sent).rejects.toBe(reason);
    setImmediate(() => controller.abort(reason));
    await rejected;
    expect(gateway.outer).toEqual([]);
  });

  test('after the end: nothing happens', async () => {
    const controller = new AbortController();
    const response = await secure()(URL_, { signal: controller.signal });
    await expect(response.json()).resolves.toEqual({ ok: true });
    controller.abort(reason);
  });
});

describe('streamed requests', () => {
  test('a writer that fails leaves the gateway without an answer, and its own error is told', async () => {
    const failure = new Error('the disk is gone');
    const body = new ReadableStream<Uint8Array>({
      pull(stream) {
        stream.error(failure);
      },
    });
    await expect(secure()(URL_, { method: 'POST', body })).rejects.toBe(failure);
    expect(gateway.opened).toEqual([]);
  });

  test('more than can be collected is refused', async () => {
    let left = 70;
    const body = new ReadableStream<Uint8Array>({
      pull(stream) {
        if (left-- > 0) stream.enqueue(new Uint8Array(1_048_576));
        else stream.close();
      },
    });
    await expect(secure()(URL_, { method: 'POST', body })).rejects.toMatchObject({ code: 'payload_too_large' });
    expect(left).toBeGreaterThan(0);
  });
});
