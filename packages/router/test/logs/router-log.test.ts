import { createSecureFetch } from '@sotto/client';
import { describe, expect, test } from 'vitest';
import { eventually } from '../eventually.ts';
import { send, sendJson } from '../http-client.ts';
import { ask } from '../nomyo-client.ts';
import { chat, startRouter, upstreamsAt } from '../running-router.ts';
import { completionEvents, json, startStandIn } from '../stand-in-upstream.ts';
import { recordedLog } from './recorded-log.ts';

const CHAT = '/v1/chat/completions';
const KEY = 'sotto_key_of_the_test';
const MINE = { authorization: `Bearer ${KEY}` };

async function logging(settings: Record<string, unknown> = {}) {
  const upstream = await startStandIn();
  const log = recordedLog();
  const keys = [{ name: 'one', key: KEY }];
  const config = { upstreams: upstreamsAt(upstream.baseUrl), keys, logging: settings };
  const running = await startRouter(config, { log });
  return { upstream, log, ...running };
}

describe('the line of a request', () => {
  test('says what was asked of which model server, by which key, how long it took and how much it was', async () => {
    const { url, log, upstream } = await logging();
    const answer = await sendJson(`${url}${CHAT}?secret=query`, chat('hello'), MINE);
    expect(log.requests).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
        event: 'request',
        request_id: answer.headers['x-request-id'],
        route: CHAT,
        door: 'clear',
        status: 200,
        duration_ms: expect.any(Number) as unknown,
        bytes_in: JSON.stringify(chat('hello')).length,
        bytes_out: answer.text.length,
        key_id: 'config:one',
        tier: 'standard',
        outcome: 'answered',
        upstream: 'up0',
        upstream_class: 'loopback',
        prompt_tokens: 1,
        completion_tokens: 2,
      },
    ]);
    await upstream.close();
  });

  test.each([
    ['ohttp', false],
    ['nomyo-v1', false],
    ['ohttp', true],
  ] as const)('of one sealed with %s names key and tokens where that is asked for: %s', async (door, sealedDetail) => {
    const { url, log, upstream } = await logging({ sealedDetail });
    if (door === 'nomyo-v1') await ask(url, chat('hello'), { headers: MINE });
    else {
      const secureFetch = createSecureFetch({ routerUrl: url, allowHttp: true });
      const headers = { ...MINE, 'content-type': 'application/json' };
      await (await secureFetch(`${url}${CHAT}`, { method: 'POST', headers, body: JSON.stringify(chat('x')) })).text();
    }
    const [line, ...others] = log.requests.filter(({ door: through }) => through !== 'clear');
    expect(others).toEqual([]);
    expect(line).toMatchObject({ route: CHAT, door, status: 200, upstream: 'up0', tier: 'standard' });
    const named = Object.keys(line ?? {}).filter((name) => name === 'key_id' || name.endsWith('_tokens'));
    expect(named).toEqual(sealedDetail ? ['key_id', 'prompt_tokens', 'completion_tokens'] : []);
    await upstream.close();
  });

  test('is as loud as the request is bad: what callers get wrong is not', async () => {
    const { url, log, upstream } = await logging({ level: 'debug' });
    await send(`${url}/health/live`);
    await sendJson(`${url}${CHAT}`, chat('x'));
    upstream.behave(json({ error: { message: 'x' } }, 500));
    await sendJson(`${url}${CHAT}`, chat('x'), MINE);
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(completionEvents(['a'])[0] ?? '', () => response.destroy());
    });
    await sendJson(`${url}${CHAT}`, chat('x', { stream: true }), MINE);
    const told = log.requests.map(({ level, status, code = '' }) => [level, status, code]);
    expect(told).toEqual([
      ['debug', 200, ''],
      ['info', 401, 'missing_api_key'],
      ['warn', 502, 'upstream_failed'],
      ['warn', 200, 'upstream_failed'],
    ]);
    await upstream.close();
  });

  test('is not written where nobody wants it', async () => {
    for (const settings of [{ requests: false }, { level: 'error' }]) {
      const { url, log, upstream } = await logging(settings);
      await sendJson(`${url}${CHAT}`, chat('hello'), MINE);
      expect(log.requests).toEqual([]);
      await upstream.close();
    }
  });

  test('tells of a caller who went away', async () => {
    const { router, log, upstream } = await logging();
    const leaving = new AbortController();
    upstream.behave(() => leaving.abort());
    const body = JSON.stringify(chat('hello'));
    const headers = { ...MINE, 'content-type': 'application/json' };
    const request = new Request(`http://router.test${CHAT}`, { method: 'POST', body, headers, signal: leaving.signal });
    await expect(router.fetch(request)).rejects.toMatchObject({ name: 'AbortError' });
    await eventually('the line', () => log.requests.length === 1);
    expect(log.requests[0]).toMatchObject({ code: 'request_aborted', outcome: 'cancelled', level: 'info' });
    await upstream.close();
  });
});

describe('the log', () => {
  test('tells when a model server’s breaker opens and closes', async () => {
    const upstream = await startStandIn();
    const log = recordedLog();
    const breaker = { failures: 2, openMs: 10 };
    const [first] = upstreamsAt(upstream.baseUrl);
    if (first === undefined) throw new Error('no upstream');
    const { url } = await startRouter({ upstreams: [{ ...first, breaker, probe: false }] as never }, { log });
    upstream.behave(json({}, 500));
    for (let sent = 0; sent < 2; sent++) await sendJson(`${url}${CHAT}`, chat('x'));
    upstream.behave(json({ object: 'chat.completion', choices: [] }));
    await eventually('an answer', async () => (await sendJson(`${url}${CHAT}`, chat('x'))).status === 200);
    const events = log.lines.filter(({ event }) => event !== 'request');
    expect(events).toMatchObject([
      { event: 'breaker_opened', level: 'warn', upstream: 'up0', last_failure: 'upstream_failed' },
      { event: 'breaker_closed', level: 'info', upstream: 'up0' },
    ]);
    await upstream.close();
  });
});
