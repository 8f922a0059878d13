import { describe, expect, test } from 'vitest';
import { errorOf, send, sendJson } from '../http-client.ts';
import { chat, startRouter, upstreamsAt } from '../running-router.ts';
import { json, startStandIn } from '../stand-in-upstream.ts';

const KEY = 'an_admin_key_of_the_test';
const ADMIN = { authorization: `Bearer ${KEY}` };
const CHAT = '/v1/chat/completions';

describe('GET /admin/v1/live', () => {
  test('counts requests for models by door, code and tier, their tokens and times, and no probe', async () => {
    const upstream = await startStandIn();
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), admin: { key: KEY } });
    await sendJson(`${url}${CHAT}`, chat('CANARY'));
    await sendJson(`${url}${CHAT}`, chat('x', { stream: true }));
    await sendJson(`${url}${CHAT}`, chat('x', { model: 'CANARY' }));
    await send(`${url}/health/live`);
    await send(`${url}/metrics`);
    upstream.behave(json({ error: { message: 'CANARY' } }, 500));
    await sendJson(`${url}${CHAT}`, chat('x'));
    const answer = await send(`${url}/admin/v1/live`, { headers: ADMIN });
    expect(answer.status).toBe(200);
    expect(answer.text).not.toContain('CANARY');
    const live = JSON.parse(answer.text) as Record<string, unknown>;
    expect(live).toMatchObject({
      object: 'live',
      workers: 1,
      requests: {
        underWay: 1,
        limit: 10_000,
        byDoor: { clear: 4 },
        byCode: { model_not_found: 1, upstream_failed: 1 },
        byTier: { standard: 3 },
        failed: 1,
      },
      upstreams: [{ name: 'up0', tier: 'standard', class: 'loopback', healthy: true, breaker: 'closed', failed: 1 }],
    });
    const { latency, firstToken } = live as Record<string, { boundsSeconds: number[]; counts: number[] }>;
    const sum = (numbers: readonly number[] = []): number => numbers.reduce((all, each) => all + each, 0);
    expect(sum(latency?.counts)).toBe(4);
    expect(sum(firstToken?.counts)).toBe(1);
    expect(latency?.counts).toHaveLength((latency?.boundsSeconds.length ?? 0) + 1);
    const { startedAtMs, atMs } = live as Record<string, number>;
    expect(startedAtMs).toBeLessThan(atMs ?? 0);
    await upstream.close();
  });

  test('is for who holds the admin key', async () => {
    const upstream = await startStandIn();
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), admin: { key: KEY } });
    expect(errorOf(await send(`${url}/admin/v1/live`)).code).toBe('missing_api_key');
    await upstream.close();
  });
});
