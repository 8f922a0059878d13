import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SecureChatCompletion } from '../../src/node/index.ts';
import { undiciTransport } from '../../src/node/undici-transport.ts';
import { readAll } from '../../src/transport.ts';
import { StandInRouter } from '../stand-in-router.ts';
import { sharedKeyPair, testPlatform } from '../test-platform.ts';

let server: Server;
let handle: (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;
let connections: number;
let url: string;
const transport = undiciTransport();
const signal = new AbortController().signal;

beforeEach(async () => {
  connections = 0;
  handle = (_, response) => void response.end('ok');
  server = createServer((request, response) => void handle(request, response));
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function get(path = '/', abort: AbortSignal = signal) {
  return transport.send({ method: 'GET', url: url + path, headers: {}, body: null, signal: abort });
}

async function text(path = '/'): Promise<string> {
  return new TextDecoder().decode(await readAll((await get(path)).body, 1_000));
}

test('keeps connections for later requests', async () => {
  for (let index = 0; index < 10; index++) await expect(text()).resolves.toBe('ok');
  // Two, where a request starts in the very turn in which the one before it ends.
  expect(connections).toBeLessThanOrEqual(2);
});

test('asks for no compression and sends nothing that tells of the client', async () => {
  handle = (request, response) => void response.end(JSON.stringify(request.headers));
  expect(Object.keys(JSON.parse(await text()) as object)).toEqual(['host', 'connection', 'accept-encoding']);
});

test('hands a redirect on instead of following it', async () => {
  const seen: (string | undefined)[] = [];
  handle = (request, response) => {
    seen.push(request.url);
    response.writeHead(302, { location: '/other' }).end();
  };
  const answer = await get('/first');
  expect(answer.status).toBe(302);
  await answer.body.cancel();
  expect(seen).toEqual(['/first']);
});

test('an answer byte by byte is read as a whole', async () => {
  handle = async (_, response) => {
    for (const byte of 'a whole answer') {
      response.write(byte);
      await new Promise(setImmediate);
    }
    response.end();
  };
  await expect(text()).resolves.toBe('a whole answer');
});

test('a refused connection is a connection_failed', async () => {
  const refused = transport.send({ method: 'GET', url: 'http://127.0.0.1:1/', headers: {}, body: null, signal });
  await expect(refused).rejects.toMatchObject({ name: 'APIConnectionError', code: 'connection_failed' });
});

test('an answer that is cut short is a connection_failed, never a shorter answer', async () => {
  handle = (_, response) => {
    response.writeHead(200, { 'content-length': '100' });
    response.write('ten bytes.', () => response.destroy());
  };
  await expect(text()).rejects.toMatchObject({ code: 'connection_failed' });
});

test('an abort ends the reading of a body', async () => {
  handle = (_, response) => void response.write('and then nothing');
  const controller = new AbortController();
  const answer = await get('/', controller.signal);
  const reading = readAll(answer.body, 1_000);
  setImmediate(() => controller.abort());
  await expect(reading).rejects.toMatchObject({ code: 'connection_failed' });
});

test('a body that is too long is given up with its connection', async () => {
  const closed = new Promise<void>((resolve) => {
    handle = (_, response) => {
      response.on('close', resolve);
      const write = (): void => {
        while (!response.destroyed && response.write('x'.repeat(1_000)));
        response.once('drain', write);
      };
      write();
    };
  });
  await expect(text()).rejects.toMatchObject({ name: 'SecurityError', code: 'invalid_response' });
  await closed;
});

test('a client speaks to a router over real sockets, over plain http only where that is allowed', async () => {
  const router = new StandInRouter(await sharedKeyPair(1));
  handle = async (incoming, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = incoming.method === 'POST' ? Buffer.concat(chunks) : null;
    const headers = incoming.headers as Record<string, string>;
    const answer = await router.handle(
      new Request(url + incoming.url, { method: incoming.method ?? '', headers, body }),
    );
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(Buffer.from(await answer.arrayBuffer()));
  };
  const platform = testPlatform();
  expect(() => new SecureChatCompletion({ baseURL: url, platform })).toThrow(
    expect.objectContaining({ code: 'insecure_transport' }),
  );
  const client = new SecureChatCompletion({ baseURL: url, platform, protocol: 'nomyo-v1', allowHttp: true });
  const answer = await client.create({ model: 'm', messages: [] });
  expect(answer.choices[0]?.message.content).toBe('hello');
  for (let index = 0; index < 5; index++) await client.create({ model: 'm', messages: [] });
  expect(connections).toBeLessThanOrEqual(2);
});
