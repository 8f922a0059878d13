import { inspect } from 'node:util';
import { createSecureFetch } from '@sotto/client';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { carry, keyOf, sealChat } from '../gateways/ehbp/sealing-client.ts';
import { type Answer, send, sendJson } from '../http-client.ts';
import { recordedLog } from '../logs/recorded-log.ts';
import { ask, post, sealFor, sealText } from '../nomyo-client.ts';
import { startRawUpstream } from '../raw-upstream.ts';
import { chat, startRouter } from '../running-router.ts';
import { completion, completionEvents, json, startStandIn } from '../stand-in-upstream.ts';
import { startCollector } from '../tracing/collector.ts';

const PROMPT = 'CANARY-prompt-7f3a';
const ANSWER = 'CANARY-answer-91cc';
const CALLER_KEY = 'sotto_CANARY-caller-key';
const WRONG_KEY = 'sotto_CANARY-wrong-key';
const UPSTREAM_KEY = 'sk-CANARY-upstream-key';
const QUERY = 'CANARY-query';

/** Everything the process writes and the router reports while `run` runs. */
const written: string[] = [];
beforeEach(() => {
  written.length = 0;
  const record = (...values: unknown[]): boolean => {
    written.push(values.map((value) => (typeof value === 'string' ? value : inspect(value, { depth: 10 }))).join(' '));
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(record);
  vi.spyOn(process.stderr, 'write').mockImplementation(record);
  for (const method of ['log', 'info', 'warn', 'error', 'debug', 'trace'] as const) {
    vi.spyOn(console, method).mockImplementation(record);
  }
});
afterEach(() => {
  vi.restoreAllMocks();
});

describe('no prompt, answer, key or query', () => {
  test('is written or reported by the router, whatever goes right or wrong', async () => {
    const upstream = await startStandIn();
    const collector = await startCollector();
    const log = recordedLog();
    const garbage = await startRawUpstream((socket) => socket.end(`${ANSWER} is not HTTP\r\n\r\n`));
    const running = await startRouter(
      {
        upstreams: [
          { name: 'good', baseUrl: upstream.baseUrl, models: ['m'], apiKeyEnv: 'UP_KEY' },
          { name: 'bad', baseUrl: garbage.baseUrl, models: ['bad'], apiKeyEnv: 'UP_KEY' },
        ],
        keys: [{ name: 'one', key: CALLER_KEY }],
        logging: { level: 'trace', sealedDetail: true },
        tracing: { otlpUrl: collector.url, sealedDetail: true, propagate: true },
      },
      {
        log,
        environment: { UP_KEY: UPSTREAM_KEY },
        onInternalError: (id, error) => written.push(`${id} ${inspect(error, { depth: 10, showHidden: true })}`),
      },
    );
    const { url } = running;
    const mine = { authorization: `Bearer ${CALLER_KEY}` };
    const clear = (body: unknown, headers: Record<string, string> = mine) =>
      sendJson(`${url}/v1/chat/completions?api_key=${QUERY}`, body, headers);
    const errors: Answer[] = [];

    // What goes right
    upstream.behave(json(completion(ANSWER)));
    expect((await clear(chat(PROMPT))).status).toBe(200);
    expect((await ask(url, chat(PROMPT), { headers: mine, bound: true })).status).toBe(200);

    // What the caller does wrong
    const sealed = await sealFor(url, chat(PROMPT), { headers: mine });
    await post(url, sealed);
    errors.push(await post(url, sealed));
    errors.push(await clear(chat(PROMPT, { model: 'nope' })));
    errors.push(await clear(chat(PROMPT, { messages: [PROMPT] })));
    errors.push(await clear(chat(PROMPT), { authorization: `Bearer ${WRONG_KEY}` }));
    errors.push(await clear(chat(PROMPT, { model: `nope-${PROMPT}` }), { ...mine, traceparent: `00-${QUERY}` }));
    errors.push(await send(`${url}/${QUERY}/${PROMPT}?key=${QUERY}`));
    const ohttp = createSecureFetch({ routerUrl: url, allowHttp: true });
    const sealedHeaders = { ...mine, 'content-type': 'application/json', traceparent: QUERY };
    for (const model of ['m', PROMPT]) {
      const body = JSON.stringify(chat(PROMPT, { model, stream: true }));
      await (
        await ohttp(`${url}/v1/chat/completions?q=${QUERY}`, { method: 'POST', headers: sealedHeaders, body })
      ).text();
    }
    const ehbp = await sealChat(await keyOf(running.router.fetch), { model: PROMPT });
    await (await running.router.fetch(carry(ehbp, mine, `/v1/chat/completions?q=${QUERY}`))).arrayBuffer();
    errors.push(
      await send(`${url}/v1/chat/completions`, { body: `{"model":"m","messages":"${PROMPT}`, headers: mine }),
    );
    errors.push(await post(url, { ...(await sealText(url, `{"broken":"${PROMPT}`)), headers: { ...sealed.headers } }));
    errors.push(await post(url, { ...sealed, body: `{"${PROMPT}":` }));

    // What the upstream does wrong
    upstream.behave((_request, response) => void response.end(`${ANSWER} {`));
    errors.push(await clear(chat(PROMPT)), await ask(url, chat(PROMPT), { headers: mine }));
    for (const status of [401, 403, 429, 500, 503]) {
      upstream.behave(json({ error: { message: `${ANSWER} ${UPSTREAM_KEY}` } }, status));
      errors.push(await clear(chat(PROMPT)), await ask(url, chat(PROMPT), { headers: mine }));
    }
    errors.push(await clear(chat(PROMPT, { model: 'bad' })));
    errors.push(await ask(url, chat(PROMPT, { model: 'bad' }), { headers: mine }));
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(completionEvents([ANSWER])[0] ?? '', () => response.destroy());
    });
    expect((await clear(chat(PROMPT, { stream: true }))).complete).toBe(false);

    for (const answer of errors) {
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.text + JSON.stringify(answer.headers)).not.toContain('CANARY');
    }
    const metrics = (await send(`${url}/metrics`)).text;
    await running.close();
    await upstream.close();
    await collector.close();
    expect(written.join('\n')).not.toContain('CANARY');
    expect(log.requests.length).toBeGreaterThan(errors.length);
    expect(collector.spans().length).toBeGreaterThan(errors.length);
    for (const [place, text] of Object.entries({ metrics, log: log.text, spans: collector.text })) {
      expect(text, place).not.toContain('CANARY');
    }
  });

  test('is in what is reported of the router’s own failure', async () => {
    const upstream = await startStandIn();
    const reported: string[] = [];
    const { url } = await startRouter(
      { upstreams: [{ name: 'a', baseUrl: upstream.baseUrl, models: ['m'] }] },
      {
        replays: {
          has: () => Promise.reject(new Error('the shared memory is gone')),
          add: () => 'added',
          forget: () => {},
        },
        onInternalError: (id, error) => reported.push(`${id} ${inspect(error, { depth: 10 })}`),
      },
    );
    const answer = await ask(url, chat(PROMPT));
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('shared memory');
    expect(reported).toHaveLength(1);
    expect(reported[0]).toContain(String(answer.headers['x-request-id']));
    expect(reported[0]).toContain('the shared memory is gone');
    expect(reported[0]).not.toContain('CANARY');
    await upstream.close();
  });
});
