import { createSecureFetch } from '@sotto/client';
import { describe, expect, test } from 'vitest';
import { carry as ehbpCarry, keyOf as ehbpKeyOf, sealChat as ehbpSealChat } from '../gateways/ehbp/sealing-client.ts';
import { errorOf, send, sendJson } from '../http-client.ts';
import { ask } from '../nomyo-client.ts';
import { chat, startRouter, upstreamsAt } from '../running-router.ts';
import { type Behaviour, completion, completionEvents, json, startStandIn } from '../stand-in-upstream.ts';
import { promtool, testWithPromtool } from './promtool.ts';
import { samples } from './samples.ts';

const CHAT = '/v1/chat/completions';

function requests(door: string, status: number, code = '', route = CHAT): string {
  return `sotto_requests_total{route="${route}",door="${door}",status="${status}",code="${code}"}`;
}

/** Writes events one after the other, each a while after the last. */
function paced(events: readonly string[]): Behaviour {
  return async (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    for (const event of events) {
      response.write(event);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    response.end('data: [DONE]\n\n');
  };
}

async function read(url: string): Promise<ReadonlyMap<string, number>> {
  return samples((await send(`${url}/metrics`)).text);
}

describe('GET /metrics', () => {
  test('tells requests, tokens and upstreams, and no path, model or key of a caller', async () => {
    const upstream = await startStandIn();
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    await sendJson(`${url}${CHAT}`, chat('CANARY'));
    await send(`${url}/CANARY/path`);
    await sendJson(`${url}${CHAT}`, chat('x', { model: 'CANARY' }));
    const { text, headers } = await send(`${url}/metrics`);
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    const told = samples(text);
    expect(told.get(requests('clear', 200))).toBe(1);
    expect(told.get(requests('clear', 404, 'model_not_found'))).toBe(1);
    expect(told.get(requests('clear', 404, 'not_found', 'none'))).toBe(1);
    expect(told.get('sotto_tokens_total{kind="prompt"}')).toBe(1);
    expect(told.get('sotto_tokens_total{kind="completion"}')).toBe(2);
    expect(told.get('sotto_upstream_served_total{upstream="up0"}')).toBe(1);
    expect(told.get('sotto_model_requests_total{upstream="up0",tier="standard",outcome="answered"}')).toBe(1);
    expect(told.get('sotto_requests_under_way')).toBe(1);
    expect(text).not.toContain('CANARY');
    await upstream.close();
  });

  test('counts a sealed request once, as what was opened, and how long opening and sealing took', async () => {
    const upstream = await startStandIn();
    const { url, router } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    expect((await ask(url, chat('hello'))).status).toBe(200);
    const secureFetch = createSecureFetch({ routerUrl: url, allowHttp: true });
    const sealed = (model: string): Promise<Response> =>
      secureFetch(`${url}${CHAT}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(chat('hello', { model })),
      });
    await (await sealed('m')).text();
    expect((await sealed('nope')).status).toBe(404);
    const ehbp = await ehbpSealChat(await ehbpKeyOf(router.fetch));
    await (await router.fetch(ehbpCarry(ehbp))).arrayBuffer();
    const told = await read(url);
    for (const door of ['nomyo-v1', 'ohttp', 'ehbp']) expect(told.get(requests(door, 200)), door).toBe(1);
    expect(told.get(requests('ohttp', 404, 'model_not_found'))).toBe(1);
    const posts = [...told].filter(([name]) => name.startsWith('sotto_requests_total') && name.includes('"POST'));
    expect(posts).toEqual([]);
    const chats = [...told].filter(([name]) => name.startsWith('sotto_requests_total{route="/v1/chat'));
    expect(chats.reduce((sum, [, count]) => sum + count, 0)).toBe(4);
    for (const operation of ['ohttp_open', 'ohttp_seal', 'ehbp_open', 'ehbp_seal', 'nomyo_unwrap', 'nomyo_seal']) {
      expect(told.get(`sotto_crypto_seconds_count{operation="${operation}"}`), operation).toBeGreaterThan(0);
      expect(told.get(`sotto_crypto_seconds_sum{operation="${operation}"}`), operation).toBeGreaterThan(0);
    }
    await upstream.close();
  });

  test('counts what no key opens as refused at the door', async () => {
    const upstream = await startStandIn();
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const headers = { 'content-type': 'message/ohttp-chunked-req' };
    expect((await send(`${url}/ohttp`, { body: 'no ciphertext at all', headers })).status).toBeGreaterThanOrEqual(400);
    const told = await read(url);
    const refusals = [...told.keys()].filter((name) => name.startsWith('sotto_requests_total{route="/ohttp"'));
    expect(refusals).toHaveLength(1);
    expect(refusals[0]).toMatch(/door="clear",status="4\d\d",code="[a-z_]+"/);
    await upstream.close();
  });

  test('tells the time to a stream’s first event and between its events, and a stream that broke off', async () => {
    const upstream = await startStandIn();
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    upstream.behave(paced(completionEvents(['one', ' two', ' three'])));
    await sendJson(`${url}${CHAT}`, chat('x', { stream: true }));
    upstream.behave(json(completion('whole')));
    await sendJson(`${url}${CHAT}`, chat('not streamed'));
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(completionEvents(['a'])[0] ?? '', () => response.destroy());
    });
    await sendJson(`${url}${CHAT}`, chat('x', { stream: true }));
    const told = await read(url);
    expect(told.get('sotto_time_to_first_token_seconds_count{door="clear"}')).toBe(2);
    // Three words, the finish reason and [DONE]; what comes in one read of the socket is one step.
    expect(told.get('sotto_inter_token_seconds_count')).toBeGreaterThanOrEqual(3);
    expect(told.get('sotto_inter_token_seconds_sum')).toBeGreaterThan(0.008);
    expect(told.get(requests('clear', 200))).toBe(2);
    expect(told.get(requests('clear', 200, 'upstream_failed'))).toBe(1);
    expect(told.get('sotto_model_requests_total{upstream="up0",tier="standard",outcome="failed"}')).toBe(1);
    await upstream.close();
  });

  test('tells which limit refused', async () => {
    const upstream = await startStandIn();
    const keys = [{ name: 'few', key: 'sotto_few_requests', limits: { requestsPerMinute: 1 } }];
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), keys });
    const headers = { authorization: 'Bearer sotto_few_requests' };
    for (let sent = 0; sent < 3; sent++) await sendJson(`${url}${CHAT}`, chat('x'), headers);
    const told = await read(url);
    expect(told.get(requests('clear', 429, 'rate_limit_exceeded'))).toBe(2);
    await upstream.close();
  });

  testWithPromtool('is what Prometheus takes, without a complaint', async () => {
    const upstream = await startStandIn();
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    await sendJson(`${url}${CHAT}`, chat('hello', { stream: true }));
    upstream.behave(json({ error: { message: 'x' } }, 500));
    await ask(url, chat('hello'));
    expect(promtool(['check', 'metrics'], (await send(`${url}/metrics`)).text)).toBe('');
    await upstream.close();
  });

  test('may be for who holds the admin key, or for nobody', async () => {
    const upstream = await startStandIn();
    const key = 'an_admin_key_of_the_test';
    const config = { upstreams: upstreamsAt(upstream.baseUrl), admin: { key } };
    const guarded = await startRouter({ ...config, metrics: 'admin' });
    expect(errorOf(await send(`${guarded.url}/metrics`)).code).toBe('missing_api_key');
    const answer = await send(`${guarded.url}/metrics`, { headers: { authorization: `Bearer ${key}` } });
    expect(answer.status).toBe(200);
    const off = await startRouter({ ...config, metrics: 'off' });
    expect((await send(`${off.url}/metrics`)).status).toBe(404);
    await upstream.close();
  });
});
