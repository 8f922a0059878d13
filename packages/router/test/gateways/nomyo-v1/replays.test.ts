import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { ReplayWindow } from '../../../src/replay/replay-window.ts';
import { eventually, gate } from '../../eventually.ts';
import { errorOf, send } from '../../http-client.ts';
import { openAnswer, post, sealFor } from '../../nomyo-client.ts';
import { chat, startRouter, upstreamsAt } from '../../running-router.ts';
import { completion, json, type StandInUpstream, startStandIn } from '../../stand-in-upstream.ts';

let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
beforeEach(() => upstream.behave(json(completion('x'))));
afterAll(() => upstream.close());

const router = (options = {}, config = {}) =>
  startRouter({ upstreams: upstreamsAt(upstream.baseUrl), ...config }, options);

describe('the same sealed request', () => {
  test.each([false, true])('sent twice is answered once (bound: %s)', async (bound) => {
    const { url } = await router();
    const request = await sealFor(url, chat('x'), { bound });
    expect((await post(url, request)).status).toBe(200);
    const asked = upstream.seen.length;
    const answer = await post(url, request);
    expect(answer.status).toBe(400);
    expect(errorOf(answer).code).toBe('replayed_request');
    expect(typeof answer.json()['detail']).toBe('string');
    expect(upstream.seen).toHaveLength(asked);
  });

  test('sent again under another id, another key order and other headers is still the same', async () => {
    const { url } = await router();
    const request = await sealFor(url, chat('x'));
    await post(url, request);
    const members = JSON.parse(request.body) as Record<string, unknown>;
    const body = JSON.stringify(Object.fromEntries(Object.entries({ extra: 1, ...members }).reverse()));
    const headers = { ...request.headers, 'x-payload-id': 'another', 'x-security-tier': 'standard' };
    expect(errorOf(await post(url, { body, headers })).code).toBe('replayed_request');
  });

  test('sent eight times at the same moment reaches the upstream once', async () => {
    const { url } = await router();
    const asked = upstream.seen.length;
    const request = await sealFor(url, chat('x'));
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(url, request)));
    const statuses = answers.map(({ status }) => status).sort();
    expect(statuses).toEqual([200, 400, 400, 400, 400, 400, 400, 400]);
    expect(upstream.seen.length - asked).toBe(1);
  });

  test.each([429, 500, 502, 503, 504])('may be sent again after the upstream answered %i', async (status) => {
    const { url } = await router();
    const request = await sealFor(url, chat('x'));
    upstream.behave(json({ error: { message: 'busy' } }, status));
    expect([429, 500, 503]).toContain((await post(url, request)).status);
    upstream.behave(json(completion('now')));
    expect((await post(url, request)).status).toBe(200);
    expect(errorOf(await post(url, request)).code).toBe('replayed_request');
  });

  test('may be sent again after an answer that could not be sealed', async () => {
    const { url } = await router();
    const request = await sealFor(url, chat('x'));
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(`{"choices":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
    });
    expect((await post(url, request)).status).toBe(500);
    upstream.behave(json(completion('now')));
    expect((await post(url, request)).status).toBe(200);
  });

  test('may not be sent again after an error that is its own', async () => {
    const { url } = await router();
    const request = await sealFor(url, chat('x', { model: 'nope' }));
    expect((await post(url, request)).status).toBe(404);
    expect(errorOf(await post(url, request)).code).toBe('replayed_request');
  });

  test('may be sent again by a client that went away before its answer', async () => {
    const { url } = await router();
    const request = await sealFor(url, chat('x'));
    const hold = gate();
    upstream.behave(() => hold.opened);
    const asked = upstream.seen.length;
    const leaving = new AbortController();
    const gone = send(`${url}/v1/chat/secure_completion`, { ...request, signal: leaving.signal });
    await eventually('the upstream is asked', () => upstream.seen.length > asked);
    leaving.abort();
    await expect(gone).rejects.toThrow();
    hold.open();
    upstream.behave(json(completion('second time')));
    await eventually('the request is forgotten', async () => (await post(url, request)).status === 200);
  });

  test('is allowed again once it is forgotten, where nothing says how old it is', async () => {
    let now = 1_000;
    const replays = new ReplayWindow(60_000, 10, () => now);
    const { url } = await router({ replays });
    const request = await sealFor(url, chat('x'));
    await post(url, request);
    now += 119_999;
    expect(errorOf(await post(url, request)).code).toBe('replayed_request');
    now += 60_001;
    expect((await post(url, request)).status).toBe(200);
  });
});

describe('a bound request', () => {
  test('stays a replay for as long as its time is in the window, also where its clock is ahead', async () => {
    vi.useFakeTimers({ toFake: ['Date', 'performance'] });
    try {
      const { url } = await router({}, { limits: { replayWindowSeconds: 60 } });
      const start = Date.now();
      vi.setSystemTime(start);
      vi.advanceTimersByTime(59_000);
      const request = await sealFor(url, chat('x'), { bound: true, nowMs: Date.now() + 59_000 });
      expect((await post(url, request)).status).toBe(200);
      for (let elapsed = 0; elapsed < 125_000; elapsed += 5_000) {
        vi.advanceTimersByTime(5_000);
        const answer = await post(url, request);
        expect(answer.status, `${elapsed} ms later`).toBe(400);
        expect(errorOf(answer).code).toBe('replayed_request');
      }
    } finally {
      vi.useRealTimers();
    }
  });

  test('older or newer than the window is a replay, though nobody has seen it', async () => {
    const { url } = await router();
    for (const offset of [-301_000, 301_000]) {
      const request = await sealFor(url, chat('x'), { bound: true, nowMs: Date.now() + offset });
      expect(errorOf(await post(url, request)).code).toBe('replayed_request');
    }
  });
});

describe('a full memory', () => {
  test('refuses new requests with a 503 and a Retry-After, and goes on knowing the old', async () => {
    const { url } = await router({ replays: new ReplayWindow(60_000, 1) });
    const first = await sealFor(url, chat('x'));
    await post(url, first);
    const answer = await post(url, await sealFor(url, chat('y')));
    expect(answer.status).toBe(503);
    expect(errorOf(answer).code).toBe('overloaded');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    expect(errorOf(await post(url, first)).code).toBe('replayed_request');
  });

  test('cannot be filled with what does not open', async () => {
    const { url } = await router({ replays: new ReplayWindow(60_000, 1) });
    const request = await sealFor(url, chat('x'));
    const members = JSON.parse(request.body) as object;
    for (let index = 0; index < 3; index++) {
      const encrypted_aes_key = Buffer.alloc(256, index).toString('base64');
      const answer = await post(url, { ...request, body: JSON.stringify({ ...members, encrypted_aes_key }) });
      expect(errorOf(answer).code).toBe('decryption_failed');
    }
    expect(await openAnswer(await post(url, request))).toHaveProperty('choices');
  });
});
