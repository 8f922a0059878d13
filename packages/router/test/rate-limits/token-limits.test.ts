import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TokenLimits } from '../../src/rate-limits/token-limits.ts';

describe('the tokens of a key', () => {
  // Fifteen seconds into a minute of the clock.
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 1, 12, 0, 15) }));
  afterEach(() => void vi.useRealTimers());

  const remaining = async (limits: TokenLimits, limit = 100): Promise<number> => {
    const { headers } = await limits.reserve('k', limit, 0);
    return Number(headers['x-ratelimit-remaining-tokens']);
  };

  test('are set aside at once and told by OpenAI’s names', async () => {
    const limits = new TokenLimits();
    expect((await limits.reserve('k', 100, 30)).headers).toEqual({
      'x-ratelimit-limit-tokens': '100',
      'x-ratelimit-remaining-tokens': '70',
      'x-ratelimit-reset-tokens': '45s',
    });
    expect((await limits.reserve('k', 100, 70)).headers).toMatchObject({ 'x-ratelimit-remaining-tokens': '0' });
  });

  test('are refused where too few are left, and none are taken', async () => {
    const limits = new TokenLimits();
    await limits.reserve('k', 100, 60);
    await expect(limits.reserve('k', 100, 41)).rejects.toMatchObject({
      status: 429,
      code: 'rate_limit_exceeded',
      retryAfterMs: 45_000,
      headers: { 'x-ratelimit-remaining-tokens': '40' },
    });
    expect(await remaining(limits)).toBe(40);
    await limits.reserve('k', 100, 40);
  });

  test('are refused for good where a request asks for more than there ever are', async () => {
    const limits = new TokenLimits();
    await limits.reserve('k', 100, 10);
    const refusal = limits.reserve('k', 100, 101);
    await expect(refusal).rejects.toMatchObject({
      status: 429,
      code: 'rate_limit_exceeded',
      retryAfterMs: null,
      headers: { 'x-should-retry': 'false', 'x-ratelimit-remaining-tokens': '90' },
    });
    expect(await remaining(limits)).toBe(90);
  });

  test('are what was used once that is known', async () => {
    const limits = new TokenLimits();
    const less = await limits.reserve('k', 100, 50);
    await less.settle(20);
    expect(await remaining(limits)).toBe(80);
    const more = await limits.reserve('k', 100, 10);
    await more.settle(35);
    expect(await remaining(limits)).toBe(45);
    const none = await limits.reserve('k', 100, 45);
    await none.settle(0);
    expect(await remaining(limits)).toBe(45);
    const same = await limits.reserve('k', 100, 5);
    await same.settle(5);
    expect(await remaining(limits)).toBe(40);
  });

  test('that come back late do not make a later minute larger', async () => {
    const limits = new TokenLimits();
    const late = await limits.reserve('k', 100, 100);
    vi.advanceTimersByTime(45_000);
    await limits.reserve('k', 100, 30);
    await late.settle(0);
    expect(await remaining(limits)).toBe(70);
    vi.advanceTimersByTime(600_000);
    expect(await remaining(limits)).toBe(100);
  });

  test('that come back later than anything is remembered change nothing', async () => {
    const limits = new TokenLimits();
    const late = await limits.reserve('k', 100, 100);
    vi.advanceTimersByTime(3_600_000);
    await late.settle(0);
    vi.setSystemTime(Date.UTC(2026, 0, 1, 12, 0, 20));
    expect(await remaining(limits)).toBe(100);
  });

  test('used beyond what was set aside count in the minute that learns of it', async () => {
    const limits = new TokenLimits();
    const late = await limits.reserve('k', 100, 10);
    vi.advanceTimersByTime(45_000);
    await late.settle(60);
    expect(await remaining(limits)).toBe(50);
  });

  test('follow the limit of the moment', async () => {
    const limits = new TokenLimits();
    await limits.reserve('k', 100, 100);
    await expect(limits.reserve('k', 100, 1)).rejects.toMatchObject({ status: 429 });
    expect(await remaining(limits, 150)).toBe(50);
    await expect(limits.reserve('k', 50, 1)).rejects.toMatchObject({
      headers: { 'x-ratelimit-remaining-tokens': '0' },
    });
  });

  test('are a whole new minute’s when the clock jumps, and never more', async () => {
    const limits = new TokenLimits();
    await limits.reserve('k', 100, 100);
    for (const time of [Date.UTC(2026, 0, 1, 11), Date.UTC(2026, 0, 2)]) {
      vi.setSystemTime(time);
      const { headers, settle } = await limits.reserve('k', 100, 100);
      expect(headers['x-ratelimit-reset-tokens']).toBe('1m0s');
      await settle(100);
      await expect(limits.reserve('k', 100, 1)).rejects.toMatchObject({ status: 429 });
    }
  });

  test('are forgotten with their minute', async () => {
    const limits = new TokenLimits();
    for (let minute = 0; minute < 60; minute++) {
      await limits.reserve('k', 100, 1);
      vi.advanceTimersByTime(60_000);
    }
    expect(vi.getTimerCount()).toBeLessThanOrEqual(2);
  });
});
