import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Answer, sendJson } from '../http-client.ts';
import { startRawUpstream } from '../raw-upstream.ts';
import { chat, startRouter, upstreamsAt } from '../running-router.ts';
import { completionEvents, type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let upstream: StandInUpstream;
let url: string;
beforeAll(async () => {
  upstream = await startStandIn();
});
beforeEach(async () => {
  url = (await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) })).url;
});
afterAll(() => upstream.close());

const ask = (at = url): Promise<Answer> => sendJson(`${at}/v1/chat/completions`, chat('x', { stream: true }));

/** The data of every event of an answer, as a client reads them. */
function eventsOf(answer: Answer): string[] {
  return answer.text
    .split(/\r?\n\r?\n/)
    .filter((event) => event.startsWith('data:'))
    .map((event) => event.slice('data:'.length).trim());
}

function streaming(text: string): void {
  upstream.behave((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(text);
  });
}

/** Half an answer never looks whole: its last event is an error, no `[DONE]` comes, and its body has no end. */
function expectBroken(answer: Answer, code = 'upstream_failed'): void {
  const events = eventsOf(answer);
  expect(JSON.parse(events.at(-1) ?? '')).toMatchObject({ error: { code } });
  expect(events).not.toContain('[DONE]');
  expect(answer.complete).toBe(false);
}

const EVENTS = completionEvents(['a', ' b']);
const UNFINISHED = EVENTS.slice(0, -1).join('');

describe('a stream', () => {
  test('that finished but forgot its [DONE] gets one', async () => {
    streaming(EVENTS.join(''));
    const answer = await ask();
    expect(answer.complete).toBe(true);
    expect(answer.text).toBe(`${EVENTS.join('')}data: [DONE]\n\n`);
  });

  test('that says [DONE] without a finish reason is passed on as it is', async () => {
    streaming(`${UNFINISHED}data:[DONE]\n\n`);
    expect((await ask()).text).toBe(`${UNFINISHED}data:[DONE]\n\n`);
  });

  test.each([
    ['before it was finished', UNFINISHED],
    ['in the middle of an event', `${UNFINISHED}data: {"choices":[{"delta":{"con`],
    ['before its first event', ''],
    ['with [DONE] only in the model’s words', completionEvents(['\ndata: [DONE]\n\n']).slice(0, -1).join('')],
    [
      'with a finish reason only in the model’s words',
      completionEvents(['"finish_reason":"stop"']).slice(0, -1).join(''),
    ],
    ['with a finish reason of null, spaced', 'data: {"choices":[{"finish_reason": null}]}\n\n'],
    ['with its finish reason cut off', 'data: {"choices":[{"finish_reason":'],
  ])('that ends %s ends with an error', async (_when, text) => {
    streaming(text);
    expectBroken(await ask());
  });

  test('that is cut in the middle of an event still ends with an event that reads as one', async () => {
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(`${UNFINISHED}data: {"choices":[{"del`, () => response.destroy());
    });
    expectBroken(await ask());
  });

  test('that was finished when it was cut is not taken for whole either', async () => {
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(EVENTS.join(''), () => response.destroy());
    });
    expectBroken(await ask());
  });

  test('that falls silent ends with an error', async () => {
    const raw = await startRawUpstream((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n${UNFINISHED}`);
    });
    const { url: at } = await startRouter({
      upstreams: [{ name: 'silent', baseUrl: raw.baseUrl, models: ['m'], idleTimeoutMs: 50 }],
    });
    expectBroken(await ask(at), 'upstream_timeout');
    expect(raw.sockets.size).toBe(0);
  });

  test('whose framing breaks ends with an error', async () => {
    const raw = await startRawUpstream((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n');
      socket.end(`${UNFINISHED.length.toString(16)}\r\n${UNFINISHED}\r\nnot a length\r\n`);
    });
    const { url: at } = await startRouter({ upstreams: upstreamsAt(raw.baseUrl) });
    expectBroken(await ask(at), 'upstream_invalid_response');
  });

  test('may begin with interim answers and have a content type with parameters', async () => {
    const body = `${EVENTS.join('')}data: [DONE]\n\n`;
    const raw = await startRawUpstream((socket) => {
      socket.write('HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nconnection: close\r\n');
      socket.end(`content-type: text/event-stream;charset=UTF-8\r\n\r\n${body}`);
    });
    const { url: at } = await startRouter({ upstreams: upstreamsAt(raw.baseUrl) });
    const answer = await ask(at);
    expect(answer.text).toBe(body);
    expect(answer.complete).toBe(true);
  });
});
