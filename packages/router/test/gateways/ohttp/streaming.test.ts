import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../eventually.ts';
import { type RunningRouter, startRouter } from '../../running-router.ts';
import {
  completion,
  completionEvents,
  json,
  type StandInUpstream,
  startStandIn,
  wellBehaved,
} from '../../stand-in-upstream.ts';
import { exchange, openExchange, sealFor } from './open-exchange.ts';
import {
  chatInput,
  codeOf,
  openWhole,
  outerWholeRequest,
  readAnswer,
  recipientOf,
  sealWhole,
} from './sealing-client.ts';

let upstream: StandInUpstream;
let running: RunningRouter;

beforeAll(async () => {
  upstream = await startStandIn();
});
beforeEach(async () => {
  upstream.behave(wellBehaved(['m']));
  running = await startRouter({
    protocols: ['ohttp'],
    upstreams: [{ name: 'u', baseUrl: upstream.baseUrl, models: ['m'], tier: 'maximum', sameTee: true }],
  });
});
afterAll(() => upstream.close());

const STREAM = chatInput({ stream: true });
const EVENTS = completionEvents(['one', ' two', ' three', ' four']);

/** Has the model server begin a stream, and hands it over to the test. */
function begunStream(): Promise<ServerResponse> {
  return new Promise((resolve) => {
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).flushHeaders();
      resolve(response);
    });
  });
}

describe('events of a model server', () => {
  test('leave in a chunk each, as they come, and the head before the first', async () => {
    const begun = begunStream();
    const { reader, over } = await exchange(running.url, STREAM);
    const model = await begun;
    await eventually('the head has come', () => reader.chunks.length === 1);
    for (const [index, text] of EVENTS.entries()) {
      model.write(text);
      await eventually(`event ${index} has come`, () => reader.text().endsWith(text));
      expect(reader.chunks).toHaveLength(2 + index);
    }
    model.end('data: [DONE]\n\n');
    expect(await over).toBe(true);
    // One for `[DONE]`, one for the end and its padding; the final chunk is empty and so not among them.
    expect(reader.chunks).toHaveLength(1 + EVENTS.length + 2);
    expect((await reader.finish()).text).toBe(`${EVENTS.join('')}data: [DONE]\n\n`);
  });

  test('are gathered in tier maximum, and none is lost for it', async () => {
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (let count = 0; count < 200; count++) response.write(EVENTS[0]);
      response.end(`${EVENTS.join('')}data: [DONE]\n\n`);
    });
    const { reader, over } = await exchange(running.url, chatInput({ stream: true, security_tier: 'maximum' }));
    expect(await over).toBe(true);
    const inner = await reader.finish();
    expect(inner.headers['x-sotto-tier']).toBe('maximum');
    expect(inner.text.split(EVENTS[0] ?? '')).toHaveLength(202);
    expect(reader.chunks.length).toBeLessThan(100);
  });
});

describe('a model server that breaks off', () => {
  test('in the middle of a stream is told inside, and the answer never looks finished', async () => {
    const begun = begunStream();
    const { reader, over } = await exchange(running.url, STREAM);
    const model = await begun;
    model.write(EVENTS[0]);
    await eventually('the first event has come', () => reader.text().endsWith('\n\n'));
    model.destroy();
    // The outer message ends as messages do: nobody on the way can add what is missing.
    expect(await over).toBe(true);
    const [last] = reader.text().trimEnd().split('\n\n').slice(-1);
    expect(JSON.parse((last ?? '').slice('data: '.length))).toMatchObject({ error: { code: 'upstream_failed' } });
    await expect(reader.finish()).rejects.toMatchObject({ code: 'response_truncated' });
  });

  test('after all but [DONE] is never taken for one that finished', async () => {
    const begun = begunStream();
    const { reader, over } = await exchange(running.url, STREAM);
    const model = await begun;
    model.write(EVENTS.join(''), () => model.destroy());
    expect(await over).toBe(true);
    expect(reader.text()).not.toContain('[DONE]');
    await expect(reader.finish()).rejects.toMatchObject({ code: 'response_truncated' });
  });

  test('in tier maximum is told inside too', async () => {
    const begun = begunStream();
    const { reader, over } = await exchange(running.url, chatInput({ stream: true, security_tier: 'maximum' }));
    const model = await begun;
    model.write(EVENTS[0], () => model.destroy());
    expect(await over).toBe(true);
    expect(reader.text()).toContain('upstream_failed');
    await expect(reader.finish()).rejects.toMatchObject({ code: 'response_truncated' });
  });

  test('before its head is an error answer, whole and sealed', async () => {
    upstream.behave((_request, response) => void response.destroy());
    const { reader, over } = await exchange(running.url, STREAM);
    expect(await over).toBe(true);
    const inner = await reader.finish();
    expect([inner.status, codeOf(inner)]).toEqual([502, 'upstream_failed']);
  });

  test('is an error answer to who asked for it whole', async () => {
    const begun = begunStream();
    const { fetch } = running.router;
    const sealed = await sealWhole(await recipientOf(fetch), STREAM);
    const answer = fetch(outerWholeRequest(sealed.body));
    const model = await begun;
    model.write(EVENTS[0], () => model.destroy());
    const inner = await openWhole(sealed, await answer);
    expect([inner.status, codeOf(inner)]).toEqual([502, 'upstream_failed']);
  });
});

test('a stream that never ends is cut off for who asked for it whole, before it fills the memory', async () => {
  const { router } = await startRouter({
    protocols: ['ohttp'],
    upstreams: [{ name: 'u', baseUrl: upstream.baseUrl, models: ['m'] }],
    limits: { answerBytes: 100_000 },
  });
  let closed = false;
  upstream.behave((_request, response) => {
    response.on('close', () => {
      closed = true;
    });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const more = (): void => {
      while (!closed && response.write('data: {}\n\n'.repeat(1_000)));
    };
    response.on('drain', more);
    more();
  });
  const sealed = await sealWhole(await recipientOf(router.fetch), STREAM);
  const inner = await openWhole(sealed, await router.fetch(outerWholeRequest(sealed.body)));
  expect([inner.status, codeOf(inner)]).toEqual([502, 'upstream_invalid_response']);
  await eventually('the model server is let go', () => closed);
});

describe('a client that goes away', () => {
  test.each(['in the middle of a stream', 'before the head'])(
    '%s takes the model server’s request with it',
    async (when) => {
      let closed = false;
      let asked = false;
      upstream.behave((_request, response) => {
        asked = true;
        response.on('close', () => {
          closed = true;
        });
        if (when !== 'before the head')
          response.writeHead(200, { 'content-type': 'text/event-stream' }).write(EVENTS[0]);
      });
      const { request, reader } = await exchange(running.url, STREAM);
      await eventually('the model server is asked', () => asked);
      if (when !== 'before the head') await eventually('an event has come', () => reader.text().endsWith('\n\n'));
      request.destroy();
      await eventually('the model server is let go', () => closed);
      await running.router.drain();
      expect(running.internalErrors).toEqual([]);
    },
  );

  test('while it sends leaves nothing under way, and the model server unasked', async () => {
    const sealed = await sealFor(running.url, STREAM);
    const asked = upstream.seen.length;
    for (const length of [0, 3, 39, 60, sealed.body.length - 1]) {
      const { request } = openExchange(running.url, sealed);
      request.flushHeaders();
      await new Promise<void>((resolve) =>
        request.write(Buffer.concat([sealed.body.subarray(0, length), Buffer.alloc(0)]), () => resolve()),
      );
      request.destroy();
    }
    await running.router.drain();
    expect(upstream.seen).toHaveLength(asked);
    expect(running.internalErrors).toEqual([]);
  });
});

describe('a slow reader', () => {
  const MANY = 32 * 1024 * 1024;
  const BOUND = 20 * 1024 * 1024;

  test.each(['standard', 'maximum'])(
    'holds up the model server instead of filling the memory (tier %s)',
    async (tier) => {
      let sent = 0;
      upstream.behave((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        const event = `data: {"x":"${'y'.repeat(65_000)}"}\n\n`;
        const more = (): void => {
          while (sent < MANY) {
            sent += event.length;
            if (!response.write(event)) return void response.once('drain', more);
          }
          response.end(`${EVENTS.join('')}data: [DONE]\n\n`);
        };
        more();
      });
      const { response, reader, over } = await exchange(running.url, chatInput({ stream: true, security_tier: tier }));
      const message = await response;
      message.pause();
      let before = -1;
      let still = 0;
      await eventually('the model server waits', () => {
        still = sent === before ? still + 1 : 0;
        before = sent;
        return still > 20;
      });
      expect(sent).toBeLessThan(BOUND);
      message.resume();
      expect(await over).toBe(true);
      expect((await reader.finish()).text).toHaveLength(sent + EVENTS.join('').length + 'data: [DONE]\n\n'.length);
    },
  );
});

describe('a slow network', () => {
  test('may bring a request in a byte at a time, and an answer too', async () => {
    const sealed = await sealFor(running.url, STREAM);
    const { request, response } = openExchange(running.url, sealed);
    request.setNoDelay(true);
    for (const byte of sealed.body) {
      await new Promise<void>((resolve) => request.write(Uint8Array.of(byte), () => resolve()));
    }
    request.end();
    const bytes: Buffer[] = [];
    const message = await response;
    message.on('data', (part: Buffer) => bytes.push(part));
    await new Promise((resolve) => message.on('end', resolve));
    const slow = readAnswer(sealed);
    for (const byte of Buffer.concat(bytes)) await slow.opener.push(Uint8Array.of(byte));
    expect((await slow.finish()).text).toContain('[DONE]');
  });

  test('that cuts an answer is noticed wherever it does', async () => {
    const sealed = await sealFor(running.url, chatInput());
    const { request, response } = openExchange(running.url, sealed);
    request.end(sealed.body);
    const bytes: Buffer[] = [];
    const message = await response;
    message.on('data', (part: Buffer) => bytes.push(part));
    await new Promise((resolve) => message.on('end', resolve));
    const body = Buffer.concat(bytes);
    for (let length = 0; length < body.length; length++) {
      const cut = readAnswer(sealed);
      await cut.opener.push(body.subarray(0, length));
      await expect(cut.finish(), `${length} bytes`).rejects.toMatchObject({ code: 'response_truncated' });
    }
  });
});

test('a request of 10 MiB is answered, and so is one with an answer of 10 MiB', async () => {
  const words = 'y'.repeat(10 * 1024 * 1024);
  const long = chatInput({ messages: [{ role: 'user', content: words }] });
  const up = await exchange(running.url, long);
  expect(await up.over).toBe(true);
  expect((await up.reader.finish()).text).toContain(words);
  upstream.behave(json(completion(words)));
  const down = await exchange(running.url, chatInput());
  expect(await down.over).toBe(true);
  expect((await down.reader.finish()).text).toContain(words);
});
