import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ReplayWindow } from '../../../src/replay/replay-window.ts';
import { eventually, gate } from '../../eventually.ts';
import { type Answer, errorOf, send } from '../../http-client.ts';
import { ask, post, sealFor } from '../../nomyo-client.ts';
import { refusingBaseUrl, startRawUpstream } from '../../raw-upstream.ts';
import { chat, startRouter, upstreamsAt } from '../../running-router.ts';
import { completion, json, type StandInUpstream, startStandIn } from '../../stand-in-upstream.ts';

const STATUSES = [400, 401, 403, 404, 413, 429, 500, 503];

let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
afterAll(() => upstream.close());

/** What every error answer of this door has in common. */
function expectRefusal(answer: Answer, status: number, code: string): void {
  expect(STATUSES).toContain(answer.status);
  expect(typeof answer.json()['detail']).toBe('string');
  expect(errorOf(answer).code).toBe(code);
  expect(answer.status).toBe(status);
  if (status === 429 || status === 503) expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(1);
}

describe('an upstream that', () => {
  test.each([
    ['answers 400', 400, 400, 'invalid_request'],
    ['answers 401', 401, 500, 'upstream_failed'],
    ['answers 403', 403, 500, 'upstream_failed'],
    ['answers 404', 404, 404, 'model_not_found'],
    ['answers 413', 413, 413, 'payload_too_large'],
    ['answers 418', 418, 400, 'invalid_request'],
    ['answers 422', 422, 400, 'invalid_request'],
    ['answers 429', 429, 429, 'rate_limit_exceeded'],
    ['answers 500', 500, 500, 'upstream_failed'],
    ['answers 503', 503, 503, 'upstream_unavailable'],
    ['answers 504', 504, 503, 'upstream_timeout'],
    ['answers 302', 302, 500, 'upstream_failed'],
  ])('%s is told in a status this wire knows', async (_what, theirs, status, code) => {
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    upstream.behave(json({ error: { message: 'theirs' } }, theirs));
    expectRefusal(await ask(url, chat('x')), status, code);
  });

  test('asks to wait is passed on with its Retry-After', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    upstream.behave(json({}, 429, { 'retry-after': '17' }));
    const answer = await ask(url, chat('x'));
    expectRefusal(answer, 429, 'rate_limit_exceeded');
    expect(answer.headers['retry-after']).toBe('17');
  });

  test('is not there is a 503', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(await refusingBaseUrl()) });
    expectRefusal(await ask(url, chat('x')), 503, 'upstream_unavailable');
  });

  test('hangs is a 503 once its time is over', async () => {
    const raw = await startRawUpstream(() => {});
    const { url } = await startRouter({
      upstreams: [{ name: 'slow', baseUrl: raw.baseUrl, models: ['m'], timeoutMs: 50 }],
    });
    expectRefusal(await ask(url, chat('x')), 503, 'upstream_timeout');
  });

  test.each([
    ['speaks no HTTP', 'SSH-2.0-OpenSSH_9\r\n\r\n', 500, 'upstream_invalid_response'],
    ['answers no JSON', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi', 500, 'upstream_invalid_response'],
    ['answers a list', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n[]', 500, 'upstream_invalid_response'],
    [
      'streams unasked',
      'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: 14\r\n\r\ndata: [DONE]\n\n',
      500,
      'upstream_invalid_response',
    ],
    ['dies half-way', 'HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\n{"choices":[', 500, 'upstream_failed'],
    ['dies in its head', 'HTTP/1.1 200 OK\r\ncontent-le', 500, 'upstream_failed'],
    ['says nothing and goes', '', 500, 'upstream_failed'],
  ])('%s is a 500', async (_what, bytes, status, code) => {
    const raw = await startRawUpstream((socket) => socket.end(bytes));
    const { url } = await startRouter({ upstreams: upstreamsAt(raw.baseUrl) });
    expectRefusal(await ask(url, chat('x')), status, code);
  });

  test('answers at too great length is a 500', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), limits: { answerBytes: 1_024 } });
    upstream.behave(json(completion('y'.repeat(2_000))));
    expectRefusal(await ask(url, chat('x')), 500, 'upstream_invalid_response');
  });
});

describe('the router itself', () => {
  const keys = [{ name: 'one', key: 'sotto_right-key', limits: { requestsPerMinute: 1 } }];

  test('refuses without a key and with a wrong one before it decrypts', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), keys });
    upstream.behave(json(completion('x')));
    expectRefusal(await ask(url, chat('x')), 401, 'missing_api_key');
    const wrong = { headers: { authorization: 'Bearer sotto_wrong-key' } };
    const request = await sealFor(url, chat('x'), wrong);
    expectRefusal(await post(url, request), 401, 'invalid_api_key');
    // Had it been opened, it would now be a replay.
    const headers = { ...request.headers, authorization: 'Bearer sotto_right-key' };
    expect((await post(url, { ...request, headers })).status).toBe(200);
  });

  test('tells the limits of a key on good answers and on refusals', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), keys });
    upstream.behave(json(completion('x')));
    const mine = { headers: { 'x-api-key': 'sotto_right-key' } };
    const good = await ask(url, chat('x'), mine);
    expect(good.headers).toMatchObject({ 'x-ratelimit-limit': '1', 'x-ratelimit-remaining': '0' });
    const answer = await ask(url, chat('x'), mine);
    expectRefusal(answer, 429, 'rate_limit_exceeded');
    expect(answer.headers['x-ratelimit-limit-requests']).toBe('1');
  });

  test('refuses more requests than it can hold under way', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), limits: { openStreams: 1 } });
    const hold = gate();
    const request = await sealFor(url, chat('x'));
    const [first, second] = [await sealFor(url, chat('x')), request];
    upstream.behave(async (seen, response) => {
      await hold.opened;
      await json(completion('x'))(seen, response);
    });
    const asked = upstream.seen.length;
    const held = post(url, first);
    await eventually('the first is under way', () => upstream.seen.length > asked);
    const refused = await post(url, second);
    hold.open();
    expect((await held).status).toBe(200);
    expectRefusal(refused, 503, 'overloaded');
    expect((await post(url, second)).status).toBe(200);
  });

  test('refuses more decryptions than may wait', async () => {
    const hold = gate();
    let waiting = 0;
    const memory = new ReplayWindow(60_000, 100);
    // Lets them go on to the decryption all at once.
    const has = async (): Promise<boolean> => {
      waiting++;
      await hold.opened;
      return false;
    };
    const replays = { has, add: (id: string) => memory.add(id), forget: (id: string) => memory.forget(id) };
    const config = { upstreams: upstreamsAt(upstream.baseUrl), nomyoV1: { keyCopies: 1, queue: 2 } };
    const { url } = await startRouter(config, { replays });
    upstream.behave(json(completion('x')));
    const asked = Promise.all(Array.from({ length: 8 }, () => ask(url, chat('x'))));
    await eventually('all of them wait', () => waiting === 8);
    hold.open();
    const refused = (await asked).filter(({ status }) => status !== 200);
    expect(refused).toHaveLength(5);
    for (const answer of refused) expectRefusal(answer, 503, 'overloaded');
  });

  test('refuses with detail and error alike while it shuts down', async () => {
    const { url, router } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const request = await sealFor(url, chat('x'));
    await router.drain();
    expectRefusal(await post(url, request), 503, 'shutting_down');
  });

  test('answers another method with a 405 that both kinds of client can read', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const answer = await send(`${url}/v1/chat/secure_completion`);
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('POST');
    expect(typeof answer.json()['detail']).toBe('string');
  });
});

describe('a client that goes away', () => {
  test('takes its request with it, and leaves nothing under way', async () => {
    const running = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), shutdownGraceSeconds: 60 });
    let closed = false;
    upstream.behave((_request, response) => void response.on('close', () => (closed = true)));
    const request = await sealFor(running.url, chat('x'));
    const asked = upstream.seen.length;
    const leaving = new AbortController();
    const gone = send(`${running.url}/v1/chat/secure_completion`, { ...request, signal: leaving.signal });
    await eventually('the upstream is asked', () => upstream.seen.length > asked);
    leaving.abort();
    await expect(gone).rejects.toThrow();
    await eventually('the upstream is let go', () => closed);
    await running.router.drain();
    expect(running.internalErrors).toEqual([]);
  });
});
