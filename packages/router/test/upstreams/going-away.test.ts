import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import { startRawUpstream } from '../raw-upstream.ts';
import { chat, startRouter, upstreamsAt } from '../running-router.ts';
import { completionEvents, type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
afterAll(() => upstream.close());

/** Asks and keeps the connection, for the test to break off. */
function begin(url: string, more = {}): { request: ClientRequest; response: Promise<IncomingMessage> } {
  const request = httpRequest(`${url}/v1/chat/completions`, { method: 'POST', agent: false });
  request.on('error', () => {});
  const response = new Promise<IncomingMessage>((resolve) => request.on('response', resolve));
  request.end(JSON.stringify(chat('x', more)));
  return { request, response };
}

describe('a client that goes away', () => {
  test('before the head takes the upstream’s request with it', async () => {
    const { url, router } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    let closed = false;
    upstream.behave((_request, response) => void response.on('close', () => (closed = true)));
    const { request } = begin(url);
    await eventually('the upstream is asked', () => upstream.seen.length > 0);
    request.destroy();
    await eventually('the upstream sees it', () => closed);
    await router.drain();
  });

  test('in the middle of a stream takes the upstream’s request with it', async () => {
    const { url, router } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    let closed = false;
    upstream.behave((_request, response) => {
      response.on('close', () => (closed = true));
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(completionEvents(['a'])[0]);
    });
    const { request, response } = begin(url, { stream: true });
    await new Promise((resolve) => void response.then((answer) => answer.once('data', resolve)));
    request.destroy();
    await eventually('the upstream sees it', () => closed);
    await router.drain();
  });

  test('in the middle of an answer in one piece takes the upstream’s request with it', async () => {
    const { url, router } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    let closed = false;
    let begun = false;
    upstream.behave((_request, response) => {
      response.on('close', () => (closed = true));
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"choices":[', () => (begun = true));
    });
    const { request } = begin(url);
    await eventually('the answer has begun', () => begun);
    request.destroy();
    await eventually('the upstream sees it', () => closed);
    await router.drain();
  });

  test('is not made up for at the next upstream', async () => {
    let heard = false;
    const silent = await startRawUpstream((socket) => {
      heard = true;
      socket.on('close', () => (heard = false));
    });
    const { url, router } = await startRouter({ upstreams: upstreamsAt(silent.baseUrl, upstream.baseUrl) });
    const asked = upstream.seen.length;
    const { request } = begin(url);
    await eventually('the first is asked', () => heard);
    request.destroy();
    await eventually('the first is let go', () => !heard);
    await router.drain();
    expect(upstream.seen).toHaveLength(asked);
  });

  test('while it still sends its request leaves nothing behind', async () => {
    const { url, router, internalErrors } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const request = httpRequest(`${url}/v1/chat/completions`, { method: 'POST', agent: false });
    request.on('error', () => {});
    await new Promise<void>((resolve) => request.write('{"model":', () => resolve()));
    request.destroy();
    await router.drain();
    expect(internalErrors).toEqual([]);
  });
});

describe('a client that does not read', () => {
  test('holds its upstream back: the router keeps a bounded part of the answer', async () => {
    const total = 256 * 1024 * 1024;
    const event = Buffer.from(`data: ${JSON.stringify({ text: 'x'.repeat(65_000) })}\n\n`);
    let sent = 0;
    let stuck = false;
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const write = (): void => {
        while (sent < total && !response.destroyed) {
          sent += event.length;
          if (!response.write(event)) {
            stuck = true;
            response.once('drain', () => {
              stuck = false;
              write();
            });
            return;
          }
        }
      };
      write();
    });
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const { request, response } = begin(url, { stream: true });
    const answer = await response;
    answer.pause();
    let before = -1;
    await eventually('the upstream is held back', async () => {
      const rests = stuck && sent === before;
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return rests;
    });
    // What the kernel's socket buffers on both sides hold is in here too.
    expect(sent).toBeLessThan(64 * 1024 * 1024);
    const stoppedAt = sent;
    answer.resume();
    await eventually('the upstream goes on', () => sent > stoppedAt + 8 * event.length);
    request.destroy();
  });
});
