import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Router } from '../../src/router.ts';
import { eventually, gate } from '../eventually.ts';
import { chat, testRouter, upstreamsAt } from '../running-router.ts';
import { completion, completionEvents, json, type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let upstream: StandInUpstream;
let router: Router;
beforeAll(async () => {
  upstream = await startStandIn();
});
beforeEach(async () => {
  router = await testRouter({ upstreams: upstreamsAt(upstream.baseUrl), limits: { bodyBytes: 100_000 } });
});
afterAll(() => upstream.close());

const request = (more = {}, init: RequestInit = {}): Request =>
  new Request('http://router/v1/chat/completions', {
    method: 'POST',
    body: JSON.stringify(chat('x', more)),
    headers: { 'content-type': 'application/json' },
    ...init,
  });

const UNFINISHED = completionEvents(['a', 'b']).slice(0, -1).join('');

describe('an embedded router', () => {
  test('answers a Request with a Response', async () => {
    upstream.behave(json(completion('x')));
    const response = await router.fetch(request());
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    expect(response.headers.get('x-request-id')).toMatch(/^req_/);
    expect(await response.json()).toMatchObject({ choices: [{ message: { content: 'x' } }] });
  });

  test('streams', async () => {
    const hold = gate();
    upstream.behave(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(UNFINISHED);
      await hold.opened;
      response.end('data: [DONE]\n\n');
    });
    const response = await router.fetch(request({ stream: true }));
    const reader = response.body?.getReader();
    let text = '';
    for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
      text += Buffer.from(part.value).toString();
      hold.open();
    }
    expect(text).toBe(`${UNFINISHED}data: [DONE]\n\n`);
  });

  test('refuses a body that is too long, declared or not', async () => {
    const long = 'x'.repeat(200_000);
    const streamed = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(Buffer.from(long)),
    });
    const chunked = { body: streamed, duplex: 'half' } as RequestInit;
    for (const init of [{ body: long }, chunked]) {
      const response = await router.fetch(request({}, init));
      expect(response.status).toBe(413);
      expect(await response.json()).toMatchObject({ error: { code: 'payload_too_large' } });
    }
  });

  test('delivers the error event of a broken stream before the stream fails, however late it is read', async () => {
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end(UNFINISHED);
    });
    const response = await router.fetch(request({ stream: true }));
    const reader = response.body?.getReader();
    let text = Buffer.from((await reader?.read())?.value ?? []).toString();
    // The rest has been written when the request is over, and nothing of it has been read.
    await router.drain();
    const read = async (): Promise<void> => {
      for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
        text += Buffer.from(part.value).toString();
      }
    };
    await expect(read()).rejects.toThrow();
    expect(text).toContain('"code":"upstream_failed"');
  });

  test('lets the upstream go when the body is cancelled', async () => {
    let closed = false;
    upstream.behave((_request, response) => {
      response.on('close', () => (closed = true));
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(UNFINISHED);
    });
    const response = await router.fetch(request({ stream: true }));
    await response.body?.cancel();
    await eventually('the upstream sees it', () => closed);
    await router.drain();
  });

  test('rejects when its request is aborted before the head, and lets the upstream go', async () => {
    const leaving = new AbortController();
    let asked = false;
    let closed = false;
    upstream.behave((_request, response) => {
      asked = true;
      response.on('close', () => (closed = true));
    });
    const answer = router.fetch(request({}, { signal: leaving.signal }));
    answer.catch(() => {});
    await eventually('the upstream is asked', () => asked);
    leaving.abort();
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
    await eventually('the upstream sees it', () => closed);
    await router.drain();
    await expect(router.fetch(request({}, { signal: AbortSignal.abort() }))).rejects.toThrow();
  });

  test('breaks the body off when its request is aborted in the middle of a stream', async () => {
    const leaving = new AbortController();
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(UNFINISHED);
    });
    const response = await router.fetch(request({ stream: true }, { signal: leaving.signal }));
    const reader = response.body?.getReader();
    await reader?.read();
    leaving.abort();
    await expect((async () => reader?.read())()).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('holds the upstream back while nobody reads', async () => {
    const event = Buffer.from(`data: ${'x'.repeat(65_000)}\n\n`);
    let sent = 0;
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const write = (): void => {
        while (sent < 256 * 1024 * 1024 && !response.destroyed) {
          sent += event.length;
          if (!response.write(event)) {
            response.once('drain', write);
            return;
          }
        }
      };
      write();
    });
    const response = await router.fetch(request({ stream: true }));
    let before = -1;
    await eventually('the upstream rests', async () => {
      const rests = sent === before;
      before = sent;
      await new Promise((resolve) => setTimeout(resolve, 20));
      return rests;
    });
    expect(sent).toBeLessThan(64 * 1024 * 1024);
    await response.body?.cancel();
  });
});
