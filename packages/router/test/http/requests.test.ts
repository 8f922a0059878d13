import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { errorOf, send, sendJson } from '../http-client.ts';
import { chat, type RunningRouter, startRouter, upstreamsAt } from '../running-router.ts';
import { type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let upstream: StandInUpstream;
let running: RunningRouter;
beforeAll(async () => {
  upstream = await startStandIn();
});
beforeEach(async () => {
  running = await startRouter({
    upstreams: upstreamsAt(upstream.baseUrl),
    limits: { bodyBytes: 2_000_000, headerBytes: 8_192 },
  });
});
afterAll(() => upstream.close());

/** Writes bytes to the router as they are and reads until it closes. */
function raw(bytes: string | Uint8Array): Promise<string> {
  const { port } = new URL(running.url);
  return new Promise((resolve) => {
    const socket = connect(Number(port), '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
    socket.write(bytes);
  });
}

describe('a path', () => {
  test.each(['/', '/v1', '/v1/chat', '/v2/models', '/V1/models', '/admin', '/v1/chat/completions/x', '//v1/models'])(
    '%s that is none is a 404',
    async (path) => {
      const answer = await send(`${running.url}${path}`);
      expect(answer.status).toBe(404);
      expect(errorOf(answer)).toMatchObject({ code: 'not_found', type: 'not_found_error' });
    },
  );

  test.each([
    ['GET', '/v1/chat/completions', 'POST'],
    ['DELETE', '/v1/models', 'GET'],
    ['POST', '/pki/public_key', 'GET'],
    ['PUT', '/health', 'GET'],
    ['BREW', '/v1/models', 'GET'],
  ])('taken by another method than %s is a 405 that says which', async (method, path, allow) => {
    const bytes = `${method} ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`;
    const text = await raw(bytes);
    if (method === 'BREW') {
      expect(text).toMatch(/^HTTP\/1.1 400 /);
      return;
    }
    expect(text).toMatch(/^HTTP\/1.1 405 /);
    expect(text.toLowerCase()).toContain(`allow: ${allow.toLowerCase()}`);
    expect(text).toContain('"code":"method_not_allowed"');
  });

  test('is answered to HEAD as to GET, without the body', async () => {
    const got = await send(`${running.url}/v1/models`);
    const head = await send(`${running.url}/v1/models`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(head.body).toHaveLength(0);
    expect(head.headers['content-length']).toBe(got.headers['content-length']);
  });

  test('is found behind a query, a full URL and a slash at its end', async () => {
    expect((await send(`${running.url}/v1/models?api_key=secret`)).status).toBe(200);
    expect((await send(`${running.url}/v1/models/`)).status).toBe(200);
    const text = await raw(`GET ${running.url}/v1/models HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
    expect(text).toMatch(/^HTTP\/1.1 200 /);
  });
});

describe('a body', () => {
  const url = () => `${running.url}/v1/chat/completions`;

  test('declared too long is a 413 that the client can read, whether it goes on sending or not', async () => {
    const big = JSON.stringify(chat('x'.repeat(8_000_000)));
    const answer = await send(url(), { body: big });
    expect(answer.status).toBe(413);
    expect(errorOf(answer)).toMatchObject({ code: 'payload_too_large', type: 'invalid_request_error' });
    const text = await raw('POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 2000001\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1.1 413 /);
    expect(upstream.seen).toHaveLength(0);
  });

  test('that grows too long in chunks is a 413 that the client can read', async () => {
    const answer = await send(url(), {
      body: JSON.stringify(chat('x'.repeat(8_000_000))),
      headers: { 'transfer-encoding': 'chunked' },
    });
    expect(answer.status).toBe(413);
    expect(errorOf(answer).code).toBe('payload_too_large');
    expect(answer.headers.connection).toBe('close');
  });

  test('of exactly the limit is taken', async () => {
    const frame = JSON.stringify(chat('')).length;
    const exact = await send(url(), { body: JSON.stringify(chat('x'.repeat(2_000_000 - frame))) });
    expect(exact.status).toBe(200);
    const over = await send(url(), { body: JSON.stringify(chat('x'.repeat(2_000_001 - frame))) });
    expect(over.status).toBe(413);
  });

  test('that nobody reads does not cost a short one its connection', async () => {
    const answer = await send(`${running.url}/nowhere`, {
      body: 'x'.repeat(1_000),
      headers: { connection: 'keep-alive' },
    });
    expect(answer.status).toBe(404);
    expect(answer.headers.connection).toBe('keep-alive');
  });
});

describe('what is no request', () => {
  test.each([
    ['not HTTP', 'hello\r\n\r\n', '400'],
    ['a TLS greeting', Uint8Array.of(0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3), '400'],
    ['a header section without end', `GET / HTTP/1.1\r\nhost: x\r\n${'name: value\r\n'.repeat(3_000)}`, '431'],
    ['one header too long', `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(10_000)}\r\n\r\n`, '431'],
    ['two lengths', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab', '400'],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      '400',
    ],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', '400'],
  ])('%s is refused, and the router goes on', async (_what, bytes, status) => {
    expect(await raw(bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect((await send(`${running.url}/health`)).status).toBe(200);
    expect(running.internalErrors).toEqual([]);
  });

  test('a connection that is reset at any moment does no harm', async () => {
    const { port } = new URL(running.url);
    const request = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 60\r\n\r\n${JSON.stringify(chat('x'))}`;
    for (let length = 1; length < request.length; length += 9) {
      await new Promise<void>((resolve) => {
        const socket = connect(Number(port), '127.0.0.1', () => {
          socket.write(request.slice(0, length), () => socket.resetAndDestroy());
        });
        socket.on('error', () => {});
        socket.on('close', () => resolve());
      });
    }
    expect((await sendJson(`${running.url}/v1/chat/completions`, chat('x'))).status).toBe(200);
    expect(running.internalErrors).toEqual([]);
  });
});

describe('health', () => {
  test('is ok while the router takes requests', async () => {
    const answer = await send(`${running.url}/health`);
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject({ status: 'ok' });
    expect(answer.headers['cache-control']).toBe('no-store');
  });
});
