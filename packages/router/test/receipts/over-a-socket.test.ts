import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sendJson } from '../http-client.ts';
import { chat, startRouter, upstreamsAt } from '../running-router.ts';
import { type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
afterAll(() => upstream.close());

describe('a receipt asked for over a socket', () => {
  test('comes with the answer, in its head or behind its last event, and keys and tiers are looked at as ever', async () => {
    const key = 'sotto_a_key_of_the_test';
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), keys: [{ name: 'one', key }] });
    const headers = { authorization: `Bearer ${key}`, 'x-sotto-receipt': '1' };
    const whole = await sendJson(`${url}/v1/chat/completions`, chat('x'), headers);
    expect(whole.status).toBe(200);
    expect(whole.headers['x-sotto-receipt']).toMatch(/^[\w-]{86,}$/);
    const stream = await sendJson(`${url}/v1/chat/completions`, chat('x', { stream: true }), headers);
    expect(stream.text).toMatch(/data: \[DONE\]\n\n: sotto-receipt [\w-]{86,}\n\n$/);
    const refused = await sendJson(`${url}/v1/chat/completions`, chat('x'), { 'x-sotto-receipt': '1' });
    expect(refused.status).toBe(401);
  });
});
