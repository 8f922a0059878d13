import { KEM_X25519 } from '@sotto/protocol/hpke';
import { OHTTP_CHUNKED_REQUEST_MEDIA_TYPE } from '@sotto/protocol/ohttp';
import { beforeEach, describe, expect, test } from 'vitest';
import { createSecureFetch } from '../../src/node/index.ts';
import type { SecureFetchOptions } from '../../src/secure-fetch/create-secure-fetch.ts';
import type { SecureFetch } from '../../src/secure-fetch/secure-fetch.ts';
import { byteByByte, GATEWAY_ORIGIN, json, NOW_MS, StandInGateway } from '../ohttp/stand-in-gateway.ts';

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

describe('what goes inside', () => {
  test('method, path, query, header fields and body arrive as they were', async () => {
    const response = await secure()(URL_, {
      method: 'post',
      headers: { authorization: 'Bearer key', 'X-Stainless-Lang': 'js', 'content-type': 'application/json' },
      body: '{"model":"m"}',
    });
    await expect(response.json()).resolves.toEqual({ ok: true });
    const [request] = gateway.opened;
    expect(request).toMatchObject({
      method: 'POST',
      scheme: 'https',
      authority: 'router.test',
      path: '/v1/chat/completions?x=1',
      text: '{"model":"m"}',
    });
    expect(Object.fromEntries(request?.headers ?? [])).toEqual({
      authorization: 'Bearer key',
      'x-stainless-lang': 'js',
      'content-type': 'application/json',
      'content-length': '13',
      date: 'Fri, 15 Jan 2027 08:00:00 GMT',
    });
  });

  test('fields about the connection stay behind, and those that Connection names', async () => {
    await secure()(URL_, {
      headers: {
        connection: 'close, X-Hop',
        'x-hop': '1',
        te: 'trailers',
        host: 'a',
        'accept-encoding': 'gzip',
        date: 'x',
      },
    });
    expect(Object.fromEntries(gateway.opened[0]?.headers ?? [])).toEqual({ date: 'Fri, 15 Jan 2027 08:00:00 GMT' });
  });

  test('a Request is read too, and init goes over it', async () => {
    const request = new Request(URL_, { method: 'PUT', headers: { a: '1' }, body: 'of the request' });
    await secure()(request, { headers: { b: '2' } });
    expect(gateway.opened[0]).toMatchObject({ method: 'PUT', text: 'of the request' });
    expect(gateway.opened[0]?.headers.has('a')).toBe(false);
    expect(gateway.opened[0]?.headers.get('b')).toBe('2');
  });

  test.each([
    ['bytes', () => new Uint8Array([104, 105]), null],
    ['an ArrayBuffer', () => new Uint8Array([104, 105]).buffer, null],
    ['a view', () => new DataView(new Uint8Array([0, 104, 105]).buffer, 1), null],
    ['a text', () => 'hi', 'text/plain;charset=UTF-8'],
    ['a Blob', () => new Blob(['hi'], { type: 'text/x' }), 'text/x'],
    ['a stream', () => new Blob(['hi']).stream(), null],
  ])('%s is a body', async (_, body, contentType) => {
    await secure()(URL_, { method: 'POST', body: body() });
    expect(gateway.opened[0]?.text).toBe('hi');
    expect(gateway.opened[0]?.headers.get('content-type') ?? null).toBe(contentType);
  });

  test('an async iterable of bytes is a body', async () => {
    async function* body() {
      yield new Uint8Array([104]);
      yield new Uint8Array([105]);
    }
    await secure()(URL_, { method: 'POST', body: body() });
    expect(gateway.opened[0]?.text).toBe('hi');
  });

  test('a form is written with its boundary, and parameters with their type', async () => {
    const form = new FormData();
    form.set('purpose', 'batch');
    form.set('file', new Blob(['content']), 'name.jsonl');
    const fetch = secure();
    await fetch(URL_, { method: 'POST', body: form });
    const type = gateway.opened[0]?.headers.get('content-type') ?? '';
    const read = await new Response(new Uint8Array(gateway.opened[0]?.content ?? []), {
      headers: { 'content-type': type },
    }).formData();
    expect(read.get('purpose')).toBe('batch');
    await fetch(URL_, { method: 'POST', body: new URLSearchParams({ a: 'b c' }) });
    expect(gateway.opened[1]?.text).toBe('a=b+c');
  });

  test('a path before the router in its address is taken off', async () => {
    await secure({ routerUrl: `${GATEWAY_ORIGIN}/proxy/v1` })(`${GATEWAY_ORIGIN}/proxy/v1/models`).catch(
      () => undefined,
    );
    expect(gateway.outer[0]?.url).toBe(`${GATEWAY_ORIGIN}/proxy/.well-known/ohttp-gateway`);
  });

  test('requests are padded: lengths of one class look alike', async () => {
    const fetch = secure();
    for (const length of [300, 301, 330]) await fetch(URL_, { method: 'POST', body: new Uint8Array(length) });
    const lengths = gateway.outer.filter(({ method }) => method === 'POST').map(({ body }) => body.length);
    expect(new Set(lengths).size).toBe(1);
    expect(gateway.opened[0]?.plaintextBytes).toBe(512);
  });

  test('a body of 3 MB goes out in chunks that every receiver takes', async () => {
    const body = new Uint8Array(3_000_000).fill(7);
    await secure()(URL_, { method: 'POST', body });
    expect(Buffer.compare(gateway.opened[0]?.content ?? new Uint8Array(), body)).toBe(0);
  });
});

describe('what stays outside', () => {
  test('the POST says nothing but that it is one', async () => {
    await secure()(URL_, {
      method: 'POST',
      headers: { authorization: 'Bearer canary-key', 'user-agent': 'canary-sdk', 'x-stainless-os': 'canary-os' },
      body: JSON.stringify({ model: 'canary-model', prompt: 'canary-prompt' }),
    });
    const post = gateway.outer.find(({ method }) => method === 'POST');
    expect(post?.url).toBe(`${GATEWAY_ORIGIN}/.well-known/ohttp-gateway`);
    expect(Object.fromEntries(post?.headers ?? [])).toEqual({
      'content-type': OHTTP_CHUNKED_REQUEST_MEDIA_TYPE,
      accept: 'message/ohttp-chunked-res',
      incremental: '?1',
    });
    const seen = gateway.outer.map(({ url, headers, body }) => [
      url,
      JSON.stringify([...headers]),
      Buffer.from(body).toString('latin1'),
    ]);
    expect(JSON.stringify(seen)).not.toMatch(/canary|chat\/completions/);
  });

  test('through a relay the POST goes there, with its header fields, and the keys come from the router', async () => {
    const relayUrl = 'https://relay.test/hop?to=router';
    gateway.intercept = async (request) =>
      request.url === relayUrl
        ? gateway.handle('POST', '/.well-known/ohttp-gateway', new Uint8Array(await request.arrayBuffer()))
        : null;
    const response = await secure({ relayUrl, relayHeaders: { Authorization: 'Bearer relay', 'x-a': 'b' } })(URL_);
    expect(response.status).toBe(200);
    expect(gateway.outer.map(({ method, url }) => [method, url])).toEqual([
      ['GET', `${GATEWAY_ORIGIN}/.well-known/ohttp-gateway`],
      ['POST', relayUrl],
    ]);
    expect(gateway.outer[0]?.headers.has('authorization')).toBe(false);
    expect(gateway.outer[1]?.headers.get('authorization')).toBe('Bearer relay');
    expect(gateway.outer[1]?.headers.get('x-a')).toBe('b');
  });

  test('nothing at all for another origin than the router', async () => {
    const fetch = secure();
    for (const url of ['https://other.test/v1', 'http://router.test/v1', '/v1', 'https://a:b@router.test/v1']) {
      await expect(fetch(url)).rejects.toMatchObject({ name: 'ConfigurationError', code: 'invalid_option' });
    }
    await expect(fetch(URL_, { body: 'x' })).rejects.toMatchObject({ code: 'invalid_option' });
    await expect(fetch(URL_, { method: 'CONNECT' })).rejects.toMatchObject({ code: 'invalid_option' });
    expect(gateway.outer).toEqual([]);
  });
});

describe('the answer', () => {
  test('carries status, header fields and content out of the ciphertext', async () => {
    gateway.answer = () => ({
      status: 429,
      headers: [
        ['retry-after', '7'],
        ['x-request-id', 'r'],
      ],
      pieces: ['slow ', 'down'],
    });
    const response = await secure()(URL_);
    expect(response.status).toBe(429);
    expect(response.headers.get('retry-after')).toBe('7');
    await expect(response.text()).resolves.toBe('slow down');
  });

  test('is the same when every byte comes by itself', async () => {
    gateway.split = byteByByte;
    gateway.answer = () => ({ status: 200, headers: [['a', 'b']], pieces: ['x'.repeat(5_000), 'y'] });
    const response = await secure()(URL_);
    expect(response.headers.get('a')).toBe('b');
    await expect(response.text()).resolves.toBe(`${'x'.repeat(5_000)}y`);
  });

  test('a status without a body has none, and its end is checked all the same', async () => {
    gateway.answer = () => ({ status: 204 });
    const response = await secure()(URL_);
    expect(response.body).toBeNull();
    gateway.fault = 'no-final-chunk';
    await expect(secure()(URL_)).rejects.toMatchObject({ code: 'response_truncated' });
  });

  test('comes as it is made, and no faster than it is read', async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    gateway.answer = () => ({
      status: 200,
      pieces: (async function* () {
        yield 'one';
        yield 'two';
        await held;
        yield 'three';
      })(),
    });
    const reader = (await secure()(URL_)).body?.pipeThrough(new TextDecoderStream()).getReader();
    await expect(reader?.read()).resolves.toEqual({ done: false, value: 'one' });
    await expect(reader?.read()).resolves.toEqual({ done: false, value: 'two' });
    release();
    await expect(reader?.read()).resolves.toEqual({ done: false, value: 'three' });
    await expect(reader?.read()).resolves.toMatchObject({ done: true });
  });

  test('a reader who does not read holds the router up', async () => {
    gateway.answer = () => ({ status: 200, pieces: Array.from({ length: 100 }, () => 'x'.repeat(1_000)) });
    const reader = (await secure()(URL_)).body?.getReader();
    await reader?.read();
    await new Promise((resolve) => setImmediate(resolve));
    expect(gateway.pulled).toBeLessThan(5);
  });

  test('a reader who gives up ends the exchange', async () => {
    gateway.answer = () => ({ status: 200, pieces: Array.from({ length: 100 }, () => 'x') });
    const reader = (await secure()(URL_)).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    expect(gateway.cancelled).toBe(true);
  });
});

describe('options', () => {
  test.each([
    [{ routerUrl: 'http://router.test' }, 'insecure_transport'],
    [{ routerUrl: 'router' }, 'invalid_option'],
    [{ pinnedSigners: [] }, 'invalid_option'],
    [{ pinnedSigners: ['ab'] }, 'invalid_option'],
    [{ pinnedSigners: ['ab'.repeat(32)], keyConfigs: new Uint8Array(1) }, 'invalid_option'],
    [{ pqKem: 'never' as 'required' }, 'invalid_option'],
    [{ onSecurityError: 'ignore' as 'throw' }, 'invalid_option'],
    [{ relayUrl: 'http://relay.test' }, 'insecure_transport'],
    [{ relayUrl: 'relay' }, 'invalid_option'],
    [{ relayUrl: 'ftp://relay.test' }, 'invalid_option'],
    [{ relayUrl: 'https://a:b@relay.test' }, 'invalid_option'],
    [{ relayUrl: 'https://relay.test', relayHeaders: { 'content-type': 'x' } }, 'invalid_option'],
    [{ relayUrl: 'https://relay.test', relayHeaders: { authorization: 'a\nb' } }, 'invalid_option'],
    [{ relayHeaders: { a: 'b' } }, 'invalid_option'],
  ])('%j is %s', (options, code) => {
    expect(() => secure(options)).toThrow(expect.objectContaining({ code }) as unknown);
  });

  test('say how far the keys are vouched for', async () => {
    expect(secure().trust).toBe('unpinned');
    expect(secure({ pinnedSigners: ['ab'.repeat(32)] }).trust).toBe('pinned');
    expect(secure({ keyConfigs: await gateway.keyConfigs() }).trust).toBe('given');
  });

  test('pqKem "required" sends nothing to a router without a hybrid key', async () => {
    gateway.kemIds = [KEM_X25519];
    await expect(secure({ pqKem: 'required' })(URL_)).rejects.toMatchObject({ code: 'unsupported_key_config' });
    expect(gateway.outer.map(({ method }) => method)).toEqual(['GET']);
    expect((await secure()(URL_)).status).toBe(200);
  });

  test('the hybrid key is taken wherever there is one', async () => {
    gateway.answer = () => json({});
    await secure()(URL_);
    expect(gateway.opened[0]?.enc).toHaveLength(2 * 1_120);
  });
});
