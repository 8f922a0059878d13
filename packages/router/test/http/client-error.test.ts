import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startRouter, upstreamsAt } from '../running-router.ts';
import { type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
afterAll(() => upstream.close());

/** Writes bytes to a router as they are and reads until it closes. */
async function raw(bytes: string, limits: Record<string, number> = {}): Promise<string> {
  const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), limits });
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
    socket.write(bytes);
  });
}

function expectError(answer: string, status: number, code: string): void {
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(answer.toLowerCase()).toMatch(/x-request-id: req_/);
  const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as { error: { code: string } };
  expect(body.error.code).toBe(code);
}

describe('a client whose request never becomes one', () => {
  test('because its body does not come is told so in time', async () => {
    const head = 'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{';
    expectError(await raw(head, { requestSeconds: 1 }), 408, 'request_timeout');
  });

  test('because its header fields do not come is told so in time', async () => {
    expectError(
      await raw('GET /health HTTP/1.1\r\nhost: x\r\nx-slow: ', { requestSeconds: 1 }),
      408,
      'request_timeout',
    );
  });

  test('because its header section is too long is told so', async () => {
    const bytes = `GET /health HTTP/1.1\r\nhost: x\r\nx-long: ${'x'.repeat(20_000)}\r\n\r\n`;
    expectError(await raw(bytes, { headerBytes: 8_192 }), 431, 'headers_too_large');
  });

  test('because it has too many header fields is told so', async () => {
    const fields = (count: number): string => Array.from({ length: count }, (_, index) => `x-${index}: 1\r\n`).join('');
    const of = (count: number): string =>
      `GET /health HTTP/1.1\r\nconnection: close\r\n${fields(count - 2)}host: x\r\n\r\n`;
    expectError(await raw(of(101)), 431, 'headers_too_large');
    expectError(await raw(of(1_000)), 431, 'headers_too_large');
    expect(await raw(of(100))).toMatch(/^HTTP\/1.1 200 /);
  });

  test.each([
    ['has no Host', 'GET /health HTTP/1.1\r\nconnection: close\r\n\r\n'],
    ['is not HTTP', '\x16\x03\x01\x02\x00'],
    ['has two lengths', 'POST /v1/models HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab'],
    [
      'hides a second',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['has a line feed in a header field', 'GET /health HTTP/1.1\r\nhost: x\r\nx-a: b\nc\r\n\r\n'],
  ])('because it %s is told so', async (_why, bytes) => {
    expectError(await raw(bytes), 400, 'invalid_request');
  });
});
