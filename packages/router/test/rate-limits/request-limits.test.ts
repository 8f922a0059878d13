import { RateLimiterMemory } from 'rate-limiter-flexible';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { RequestLimits } from '../../src/rate-limits/request-limits.ts';
import { errorOf, send, sendJson } from '../http-client.ts';
import { chat, startRouter } from '../running-router.ts';
import { completion, json, type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

const allowance = (requestsPerMinute?: number, requestsPerDay?: number, name = 'one') => ({
  name,
  requestsPerMinute,
  requestsPerDay,
});

describe('the limits of a key', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('count down and say when they begin anew', async () => {
    const limits = new RequestLimits();
    const now = Math.ceil(Date.now() / 1000);
    for (const remaining of [2, 1, 0]) {
      const headers = await limits.admit(allowance(3));
      expect(headers).toMatchObject({ 'x-ratelimit-limit': '3', 'x-ratelimit-remaining': String(remaining) });
      expect(Number(headers['x-ratelimit-reset'])).toBeGreaterThanOrEqual(now + 59);
      expect(Number(headers['x-ratelimit-reset'])).toBeLessThanOrEqual(now + 61);
      expect(headers).toMatchObject({
        'x-ratelimit-limit-requests': '3',
        'x-ratelimit-remaining-requests': String(remaining),
        'x-ratelimit-reset-requests': '1m0s',
      });
    }
  });

  test('refuse the one too many, with the time until the next', async () => {
    const limits = new RequestLimits();
    await limits.admit(allowance(1));
    vi.advanceTimersByTime(20_000);
    const refusal = limits.admit(allowance(1));
    await expect(refusal).rejects.toMatchObject({
      status: 429,
      code: 'rate_limit_exceeded',
      type: 'rate_limit_error',
      retryAfterMs: 40_000,
      headers: { 'x-ratelimit-remaining': '0' },
    });
    vi.advanceTimersByTime(40_001);
    expect(await limits.admit(allowance(1))).toMatchObject({ 'x-ratelimit-remaining': '0' });
  });

  test('are not put off by those who keep knocking', async () => {
    const limits = new RequestLimits();
    await limits.admit(allowance(1));
    for (let second = 0; second < 59; second++) {
      vi.advanceTimersByTime(1_000);
      await expect(limits.admit(allowance(1))).rejects.toMatchObject({ status: 429 });
    }
    vi.advanceTimersByTime(1_001);
    await limits.admit(allowance(1));
  });

  test('tell the nearest of two windows, and hold both', async () => {
    const limits = new RequestLimits();
    expect(await limits.admit(allowance(5, 3))).toMatchObject({
      'x-ratelimit-limit': '3',
      'x-ratelimit-remaining': '2',
    });
    await limits.admit(allowance(5, 3));
    await limits.admit(allowance(5, 3));
    vi.advanceTimersByTime(120_000);
    await expect(limits.admit(allowance(5, 3))).rejects.toMatchObject({ headers: { 'x-ratelimit-limit': '3' } });
    vi.advanceTimersByTime(86_400_000);
    await limits.admit(allowance(5, 3));
  });

  test('follow what the key may do at this moment', async () => {
    const limits = new RequestLimits();
    await limits.admit(allowance(1));
    await expect(limits.admit(allowance(1))).rejects.toMatchObject({ status: 429 });
    expect(await limits.admit(allowance(5))).toMatchObject({
      'x-ratelimit-limit': '5',
      'x-ratelimit-remaining': '2',
    });
    expect(limits.admit(allowance())).toEqual({});
  });

  test('do not count for the day what the minute refuses', async () => {
    const limits = new RequestLimits();
    await limits.admit(allowance(1, 2));
    await expect(limits.admit(allowance(1, 2))).rejects.toMatchObject({ headers: { 'x-ratelimit-limit': '1' } });
    vi.advanceTimersByTime(60_001);
    expect(await limits.admit(allowance(1, 2))).toMatchObject({ 'x-ratelimit-remaining': '0' });
  });

  test('never ask for a longer wait than the window, whatever the clock does', async () => {
    const limits = new RequestLimits();
    const now = Date.now();
    await limits.admit(allowance(1));
    vi.setSystemTime(now - 3_600_000);
    await expect(limits.admit(allowance(1))).rejects.toMatchObject({ status: 429, retryAfterMs: 60_000 });
    vi.setSystemTime(now + 3_600_000);
    await limits.admit(allowance(1));
  });

  test('forget who does not come any more', async () => {
    const limits = new RequestLimits();
    for (let index = 0; index < 100; index++) await limits.admit(allowance(1, 1, `key${index}`));
    expect(vi.getTimerCount()).toBe(200);
    vi.advanceTimersByTime(86_400_001);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('are each key’s own', async () => {
    const limits = new RequestLimits();
    await limits.admit(allowance(1, undefined, 'one'));
    await limits.admit(allowance(1, undefined, 'two'));
    await expect(limits.admit(allowance(1, undefined, 'one'))).rejects.toMatchObject({ status: 429 });
  });

  test('let everything through and say nothing where there are none', async () => {
    const limits = new RequestLimits();
    for (let index = 0; index < 100; index++) expect(await limits.admit(allowance())).toEqual({});
  });

  test('hold exactly, however many come at once', async () => {
    const limits = new RequestLimits();
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => limits.admit(allowance(7))));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(7);
  });

  test('may be counted by a counter from outside, whose failure is not taken for a refusal', async () => {
    const broken = new RequestLimits((options) => {
      const limiter = new RateLimiterMemory(options);
      limiter.penalty = () => Promise.reject(new Error('the counter is gone'));
      return limiter;
    });
    await expect(broken.admit(allowance(1))).rejects.toThrow('the counter is gone');
  });
});

describe('the limits of a key on the wire', () => {
  let upstream: StandInUpstream;
  beforeAll(async () => {
    upstream = await startStandIn();
    upstream.behave(json(completion('x')));
  });
  afterAll(() => upstream.close());

  test('are on every answer once the key is known, and the 429 has its Retry-After', async () => {
    const { url } = await startRouter({
      upstreams: [{ name: 'a', baseUrl: upstream.baseUrl, models: ['m'] }],
      keys: [{ name: 'one', key: 'sotto_good-key', limits: { requestsPerMinute: 3 } }],
    });
    const headers = { 'x-api-key': 'sotto_good-key' };
    const ask = (more = {}) => sendJson(`${url}/v1/chat/completions`, chat('x', more), headers);
    expect((await ask()).headers['x-ratelimit-remaining']).toBe('2');
    expect((await ask({ model: 'nope' })).headers['x-ratelimit-remaining']).toBe('1');
    expect((await send(`${url}/v1/models`, { headers })).headers['x-ratelimit-remaining']).toBe('0');
    const refused = await ask();
    expect(refused.status).toBe(429);
    expect(errorOf(refused)).toMatchObject({ code: 'rate_limit_exceeded', type: 'rate_limit_error' });
    expect(Number(refused.headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(Number(refused.headers['retry-after-ms'])).toBeGreaterThanOrEqual(1);
    expect(refused.headers['x-ratelimit-remaining']).toBe('0');
    expect((await sendJson(`${url}/v1/chat/completions`, chat('x'))).headers).not.toHaveProperty('x-ratelimit-limit');
  });
});
