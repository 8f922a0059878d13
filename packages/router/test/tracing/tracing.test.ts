import { createSecureFetch } from '@sotto/client';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { send, sendJson } from '../http-client.ts';
import { chat, startRouter, testRouter, upstreamsAt } from '../running-router.ts';
import { json, type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';
import { type Collector, startCollector } from './collector.ts';

const CHAT = '/v1/chat/completions';
const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const PARENT_ID = 'b7ad6b7169203331';
const SERVER = 2;
const CLIENT = 3;

let collector: Collector;
let upstream: StandInUpstream;
beforeEach(async () => {
  collector = await startCollector();
  upstream = await startStandIn();
});
afterEach(async () => {
  await collector.close();
  await upstream.close();
});

function tracing(more: Record<string, unknown> = {}, environment: Record<string, string> = {}) {
  const config = { upstreams: upstreamsAt(upstream.baseUrl), tracing: { otlpUrl: collector.url, ...more } };
  return startRouter(config, { environment });
}

describe('the spans of a request', () => {
  test('are the request’s own and the model’s, in the conventions’ words', async () => {
    const { url, close } = await tracing();
    const answer = await sendJson(`${url}${CHAT}?secret=query`, chat('hello', { stream: true }));
    await close();
    const spans = await collector.received(2);
    const request = spans.find(({ kind }) => kind === SERVER);
    const model = spans.find(({ kind }) => kind === CLIENT);
    expect(spans).toHaveLength(2);
    expect(request).toMatchObject({ name: `POST ${CHAT}`, parentSpanId: '', failed: false });
    expect(request?.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': CHAT,
      'http.response.status_code': 200,
      'sotto.request.id': answer.headers['x-request-id'],
      'sotto.door': 'clear',
      'sotto.key.id': 'anybody',
    });
    expect(model).toMatchObject({ name: 'chat m', parentSpanId: request?.spanId, traceId: request?.traceId });
    expect(model?.attributes).toEqual({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'm',
      'gen_ai.request.stream': true,
      'gen_ai.response.model': 'm',
      'gen_ai.response.time_to_first_chunk': expect.any(Number) as unknown,
      'gen_ai.usage.input_tokens': expect.any(Number) as unknown,
      'gen_ai.usage.output_tokens': expect.any(Number) as unknown,
      'server.address': '127.0.0.1',
      'server.port': Number(new URL(upstream.baseUrl).port),
      'sotto.tier': 'standard',
      'sotto.upstream.name': 'up0',
      'sotto.upstream.class': 'loopback',
    });
    expect(collector.text).toContain('"sotto-router"');
  });

  test('of a sealed request hold no model, key or tokens, unless that is asked for', async () => {
    for (const sealedDetail of [false, true]) {
      const { url, close } = await tracing({ sealedDetail });
      const secureFetch = createSecureFetch({ routerUrl: url, allowHttp: true });
      const body = JSON.stringify(chat('hello'));
      const headers = { 'content-type': 'application/json' };
      await (await secureFetch(`${url}${CHAT}`, { method: 'POST', headers, body })).text();
      await close();
    }
    const spans = (await collector.received(4)).filter(({ attributes }) => attributes['http.route'] !== '/ohttp');
    const models = spans.filter(({ kind }) => kind === CLIENT);
    const named = (attributes: object): readonly string[] =>
      Object.keys(attributes).filter((name) => /model|usage|key/.test(name));
    expect(models.map(({ name }) => name)).toEqual(['chat', 'chat m']);
    expect(named(models[0]?.attributes ?? {})).toEqual([]);
    expect(named(models[1]?.attributes ?? {})).toHaveLength(4);
    const doors = spans.filter(({ kind, attributes }) => kind === SERVER && attributes['sotto.door'] === 'ohttp');
    expect(doors.map(({ attributes }) => attributes['sotto.key.id'])).toEqual([undefined, 'anybody']);
  });

  test('belong to the caller’s trace; what is no traceparent begins one', async () => {
    const { url, close } = await tracing();
    const mine = { traceparent: `00-${TRACE_ID}-${PARENT_ID}-01` };
    await sendJson(`${url}${CHAT}`, chat('x'), mine);
    await sendJson(`${url}${CHAT}`, chat('x'), { traceparent: `00-${'0'.repeat(32)}-${PARENT_ID}-01` });
    await sendJson(`${url}${CHAT}`, chat('x'), { traceparent: 'CANARY' });
    // This one is not to be kept.
    await sendJson(`${url}${CHAT}`, chat('x'), { traceparent: `00-${TRACE_ID}-${PARENT_ID}-00` });
    await close();
    const servers = (await collector.received(6)).filter(({ kind }) => kind === SERVER);
    expect(servers).toHaveLength(3);
    expect(servers.map(({ traceId, parentSpanId }) => [traceId === TRACE_ID, parentSpanId])).toEqual([
      [true, PARENT_ID],
      [false, ''],
      [false, ''],
    ]);
    expect(upstream.seen.some(({ headers }) => 'traceparent' in headers)).toBe(false);
    expect(collector.text).not.toContain('CANARY');
  });

  test('within the ciphertext belong to the trace that is named there', async () => {
    const { url, close } = await tracing();
    const secureFetch = createSecureFetch({ routerUrl: url, allowHttp: true });
    const headers = { 'content-type': 'application/json', traceparent: `00-${TRACE_ID}-${PARENT_ID}-01` };
    await (await secureFetch(`${url}${CHAT}`, { method: 'POST', headers, body: JSON.stringify(chat('x')) })).text();
    await close();
    await collector.received(2);
    const sealed = collector.spans().find(({ attributes }) => attributes['sotto.door'] === 'ohttp');
    expect(sealed).toMatchObject({ traceId: TRACE_ID, parentSpanId: PARENT_ID });
  });

  test('are told to the model server where that is asked for', async () => {
    const { url, close } = await tracing({ propagate: true });
    await sendJson(`${url}${CHAT}`, chat('x'));
    await close();
    const model = (await collector.received(2)).find(({ kind }) => kind === CLIENT);
    const asked = upstream.seen.find(({ path }) => path.endsWith('/chat/completions'));
    expect(asked?.headers['traceparent']).toBe(`00-${model?.traceId}-${model?.spanId}-01`);
  });

  test('say what failed', async () => {
    const { url, close } = await tracing();
    upstream.behave(json({ error: { message: 'CANARY' } }, 500));
    await sendJson(`${url}${CHAT}`, chat('x'));
    await send(`${url}/CANARY/path`);
    await close();
    const spans = await collector.received(3);
    const told = spans.map(({ name, failed, attributes }) => [name, failed, attributes['error.type']]);
    expect(told).toEqual(
      expect.arrayContaining([
        ['chat m', true, 'upstream_failed'],
        [`POST ${CHAT}`, true, 'upstream_failed'],
        ['GET none', false, 'not_found'],
      ]),
    );
    expect(collector.text).not.toContain('CANARY');
  });
});

describe('tracing', () => {
  test('shows the collector the credential that the environment holds', async () => {
    const { url, close } = await tracing({ headersEnv: 'COLLECTOR' }, { COLLECTOR: 'x-api-key=sesame, x-team=blue' });
    await sendJson(`${url}${CHAT}`, chat('x'));
    await close();
    await collector.received(2);
    expect(collector.headers[0]).toMatchObject({ 'x-api-key': 'sesame', 'x-team': 'blue' });
  });

  test('keeps no trace at a ratio of 0', async () => {
    const { url, close } = await tracing({ sampleRatio: 0 });
    await sendJson(`${url}${CHAT}`, chat('x'));
    await close();
    expect(collector.spans()).toEqual([]);
  });

  test('costs no request anything where the collector is away, and says how much was lost', async () => {
    await collector.close();
    const { url, close } = await tracing();
    expect((await sendJson(`${url}${CHAT}`, chat('x'))).status).toBe(200);
    expect((await send(`${url}/metrics`)).text).toContain('sotto_trace_spans_total{outcome="lost"}');
    await close();
    collector = await startCollector();
  });

  test.each([
    [{ headersEnv: 'COLLECTOR' }, { COLLECTOR: 'no header field' }],
    [{ headersEnv: 'NOT_SET' }, {}],
    [{ headersEnv: 'A', headersFile: '/b' }, {}],
    [{ otlpUrl: 'ftp://collector' }, {}],
    [{ sampleRatio: 2 }, {}],
  ])('%j is not valid', async (more, environment) => {
    const config = { upstreams: upstreamsAt(upstream.baseUrl), tracing: { otlpUrl: collector.url, ...more } };
    await expect(testRouter(config, { environment })).rejects.toMatchObject({ code: 'invalid_config' });
  });
});
