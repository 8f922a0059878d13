import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createSecureFetch, type SecureFetch } from '../../src/node/index.ts';
import { type LoopbackRouter, startRouter } from '../adapters/loopback-router.ts';
import { json } from '../ohttp/stand-in-gateway.ts';

let router: LoopbackRouter;

beforeEach(async () => {
  router = await startRouter();
});

afterEach(() => router.close());

function secure(): SecureFetch {
  return createSecureFetch({ routerUrl: router.url, allowHttp: true });
}

test('a streamed body goes out while it is written, over a real socket', async () => {
  let write: (text: string) => void = () => undefined;
  let end: () => void = () => undefined;
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      write = (text) => controller.enqueue(new TextEncoder().encode(text));
      end = () => controller.close();
    },
  });
  const seen: number[] = [];
  const server = createServer((request) => {
    request.on('data', (chunk: Uint8Array) => {
      seen.push(chunk.length);
      if (seen.length === 2) end();
    });
    request.on('end', () => request.socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const relayUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const fetch = createSecureFetch({ routerUrl: router.url, relayUrl, allowHttp: true });
  const sent = fetch(`${router.url}/v1/files`, { method: 'POST', body });
  const rejected = expect(sent).rejects.toMatchObject({ code: 'connection_failed' });
  await expect.poll(() => seen.length).toBe(1);
  write('the first line');
  await rejected;
  expect(seen.length).toBeGreaterThanOrEqual(2);
  await new Promise((resolve) => server.close(resolve));
});

test('a streamed body arrives whole', async () => {
  router.gateway.answer = ({ content }) => json({ bytes: content.length });
  const body = new Blob([new Uint8Array(300_000)]).stream();
  const response = await secure()(`${router.url}/v1/files`, { method: 'POST', body });
  await expect(response.json()).resolves.toEqual({ bytes: 300_000 });
});

test('a writer that fails breaks the request off, and its own error is told', async () => {
  const failure = new Error('the disk is gone');
  let pulls = 0;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (pulls++ === 0) controller.enqueue(new Uint8Array(10));
      else controller.error(failure);
    },
  });
  await expect(secure()(`${router.url}/v1/files`, { method: 'POST', body })).rejects.toBe(failure);
  expect(router.gateway.opened).toEqual([]);
});

test('a large answer comes whole, through a slow reader', async () => {
  router.gateway.answer = () => ({
    status: 200,
    pieces: Array.from({ length: 64 }, () => new Uint8Array(65_536).fill(7)),
  });
  const response = await secure()(`${router.url}/v1/models`);
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(length).toBe(64 * 65_536);
});

test('an abort in the middle of the answer closes the connection', async () => {
  const controller = new AbortController();
  router.gateway.answer = () => ({
    status: 200,
    pieces: (async function* () {
      for (;;) yield 'x'.repeat(16_000);
    })(),
  });
  const response = await secure()(`${router.url}/v1/models`, { signal: controller.signal });
  const reader = response.body?.getReader();
  await reader?.read();
  controller.abort();
  await expect(reader?.closed).rejects.toMatchObject({ name: 'AbortError' });
  await expect.poll(() => router.gateway.cancelled).toBe(true);
});

test('connections are kept for the next request', async () => {
  const fetch = secure();
  for (let index = 0; index < 6; index++) {
    const response = await fetch(`${router.url}/v1/models`);
    await response.text();
  }
  expect(router.gateway.opened).toHaveLength(6);
  // The keys may come over one of their own.
  expect(router.connections()).toBeLessThanOrEqual(2);
});
