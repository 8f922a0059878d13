import { describe, expect, test } from 'vitest';
import { RequestHistogram } from '../../src/metrics/request-histogram.ts';
import { errorOf, send, sendJson } from '../http-client.ts';
import { chat, startRouter, upstreamsAt } from '../running-router.ts';
import { startStandIn } from '../stand-in-upstream.ts';

/** The samples of an exposition, by name and labels. */
function samples(text: string): ReadonlyMap<string, number> {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]),
  );
}

describe('the histogram of requests', () => {
  test('counts each request once, and in every bucket it fits in', () => {
    const histogram = new RequestHistogram();
    for (const seconds of [0.001, 0.005, 0.006, 400]) {
      histogram.add({ route: '/v1/models', door: 'clear', status: 200, seconds });
    }
    histogram.add({ route: '/v1/models', door: 'clear', status: 401, seconds: 0.02 });
    const told = samples(histogram.text());
    const labels = 'route="/v1/models",door="clear"';
    expect(told.get(`sotto_requests_total{${labels},status="200"}`)).toBe(4);
    expect(told.get(`sotto_requests_total{${labels},status="401"}`)).toBe(1);
    const bucket = (bound: string): number | undefined =>
      told.get(`sotto_request_duration_seconds_bucket{${labels},le="${bound}"}`);
    expect([bucket('0.005'), bucket('0.025'), bucket('300'), bucket('+Inf')]).toEqual([2, 4, 4, 5]);
    expect(told.get(`sotto_request_duration_seconds_count{${labels}}`)).toBe(5);
    expect(told.get(`sotto_request_duration_seconds_sum{${labels}}`)).toBeCloseTo(400.032);
  });
});

describe('GET /metrics', () => {
  test('tells requests, tokens and upstreams, and no path, model or key of a caller', async () => {
    const upstream = await startStandIn();
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    await sendJson(`${url}/v1/chat/completions`, chat('CANARY'));
    await send(`${url}/CANARY/path`);
    await sendJson(`${url}/v1/chat/completions`, chat('x', { model: 'CANARY' }));
    const { text, headers } = await send(`${url}/metrics`);
    expect(headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
    const told = samples(text);
    expect(told.get('sotto_requests_total{route="/v1/chat/completions",door="clear",status="200"}')).toBe(1);
    expect(told.get('sotto_requests_total{route="/v1/chat/completions",door="clear",status="404"}')).toBe(1);
    expect(told.get('sotto_requests_total{route="none",door="clear",status="404"}')).toBe(1);
    expect(told.get('sotto_tokens_total{kind="prompt"}')).toBe(1);
    expect(told.get('sotto_tokens_total{kind="completion"}')).toBe(2);
    expect(told.get('sotto_upstream_served{upstream="up0"}')).toBe(1);
    expect(told.get('sotto_requests_under_way')).toBe(1);
    expect(text).not.toContain('CANARY');
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
