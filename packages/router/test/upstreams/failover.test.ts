import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { errorOf, sendJson } from '../http-client.ts';
import { ask as askSealed } from '../nomyo-client.ts';
import { refusingBaseUrl, startRawUpstream } from '../raw-upstream.ts';
import { chat, startRouter, upstreamsAt } from '../running-router.ts';
import { completion, completionEvents, json, type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let first: StandInUpstream;
let second: StandInUpstream;
beforeAll(async () => {
  [first, second] = await Promise.all([startStandIn(), startStandIn()]);
});
beforeEach(() => second.behave(json(completion('from the second'))));
afterAll(() => Promise.all([first.close(), second.close()]));

const ask = (url: string, more = {}) => sendJson(`${url}/v1/chat/completions`, chat('x', more));

describe('the next upstream is asked', () => {
  test.each([401, 403, 429, 500, 502, 503, 504])('where the first answers %i', async (status) => {
    const { url } = await startRouter({ upstreams: upstreamsAt(first.baseUrl, second.baseUrl) });
    first.behave(json({ error: { message: 'no' } }, status));
    expect((await ask(url)).text).toContain('from the second');
  });

  test('where the first refuses the connection', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(await refusingBaseUrl(), second.baseUrl) });
    expect((await ask(url)).text).toContain('from the second');
  });

  test.each([
    ['no HTTP', 'garbage\r\n\r\n'],
    ['no JSON', 'HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\noops'],
    ['half an answer', 'HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{"choices":'],
    ['nothing', ''],
  ])('where the first answers %s', async (_what, bytes) => {
    const raw = await startRawUpstream((socket) => socket.end(bytes));
    const { url } = await startRouter({ upstreams: upstreamsAt(raw.baseUrl, second.baseUrl) });
    expect((await ask(url)).text).toContain('from the second');
  });

  test('where the first answers at too great length', async () => {
    const { url } = await startRouter({
      upstreams: upstreamsAt(first.baseUrl, second.baseUrl),
      limits: { answerBytes: 1_024 },
    });
    first.behave(json(completion('y'.repeat(3_000))));
    expect((await ask(url)).text).toContain('from the second');
  });

  test('where the first answers in one piece what was asked for as a stream', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(first.baseUrl, second.baseUrl) });
    first.behave(json(completion('x')));
    second.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`${completionEvents(['from the second']).join('')}data: [DONE]\n\n`);
    });
    const answer = await ask(url, { stream: true });
    expect(answer.text).toContain('from the second');
    expect(answer.complete).toBe(true);
  });

  test('in its own words, under its own headers', async () => {
    const { url } = await startRouter({
      upstreams: [
        { name: 'gone', baseUrl: await refusingBaseUrl(), models: ['m'] },
        { name: 'near', baseUrl: second.baseUrl, models: ['m'], tier: 'maximum', sameTee: true },
      ],
    });
    expect((await ask(url)).headers['x-sotto-upstream-class']).toBe('same-tee');
  });
});

describe('the next upstream is not asked', () => {
  test.each([400, 404, 413, 422])('where the first answers %i: the request is at fault', async (status) => {
    const { url } = await startRouter({ upstreams: upstreamsAt(first.baseUrl, second.baseUrl) });
    const asked = second.seen.length;
    first.behave(json({ error: { message: 'yours' } }, status));
    const answer = await ask(url);
    expect(answer.status).toBe(status === 422 ? 400 : status);
    expect(errorOf(answer).message).toBe('yours');
    expect(second.seen).toHaveLength(asked);
  });

  test('once a byte of a stream has been sent', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(first.baseUrl, second.baseUrl) });
    const asked = second.seen.length;
    first.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(completionEvents(['half'])[0] ?? '', () => response.destroy());
    });
    const answer = await ask(url, { stream: true });
    expect(answer.text).toContain('half');
    expect(answer.text).toContain('"code":"upstream_failed"');
    expect(answer.complete).toBe(false);
    expect(second.seen).toHaveLength(asked);
  });

  test('where it is not fit for the tier', async () => {
    const { url } = await startRouter({
      upstreams: [
        { name: 'fit', baseUrl: await refusingBaseUrl(), models: ['m'], tier: 'high' },
        { name: 'unfit', baseUrl: second.baseUrl, models: ['m'] },
      ],
    });
    const asked = second.seen.length;
    const answer = await askSealed(url, chat('x'), { tier: 'high' });
    expect(answer.status).toBe(503);
    expect(second.seen).toHaveLength(asked);
  });
});

describe('where every upstream fails', () => {
  test('the last one’s failure is told', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(first.baseUrl, await refusingBaseUrl()) });
    first.behave(json({}, 500));
    const answer = await ask(url);
    expect(answer.status).toBe(503);
    expect(errorOf(answer).code).toBe('upstream_unavailable');
  });
});
