import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type CountedKey, createAccounting } from '../src/create-accounting.ts';
import type { Settlement } from '../src/openai/admission.ts';
import { memoryLimiters } from '../src/rate-limits/limiter-factory.ts';
import { MemoryUsageStore } from './usage/memory-usage-store.ts';

const key = (more: Partial<CountedKey> = {}): CountedKey => ({
  id: 'k',
  requestsPerMinute: undefined,
  requestsPerDay: undefined,
  tokensPerMinute: undefined,
  budget: undefined,
  ...more,
});

/** A thousand billionths of a dollar a token of prompt, two thousand a token of answer, half for cached ones. */
const prices = [['m', { inputPerMillion: 1, cachedInputPerMillion: 0.5, outputPerMillion: 2 }]] as const;

const answered = (promptTokens: number, cachedTokens: number, completionTokens: number): Settlement => ({
  outcome: 'answered',
  usage: { promptTokens, cachedTokens, completionTokens },
  upstreamModel: 'm',
});

const nothing: Settlement = { outcome: 'failed', usage: null, upstreamModel: null };

let store: MemoryUsageStore;
beforeEach(() => {
  store = new MemoryUsageStore();
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 31, 12) });
});
afterEach(() => void vi.useRealTimers());

describe('the books', () => {
  test('charge what was used, with cached tokens at their own price', async () => {
    const accounting = createAccounting({ usage: store, prices });
    const reservation = await accounting.reserve(key(), { model: 'm', tokens: 100 });
    reservation.settle(answered(10, 4, 5));
    await accounting.close();
    expect(store.rows).toMatchObject([
      { requests: 1, promptTokens: 10, cachedTokens: 4, completionTokens: 5, costNanoUsd: 6_000 + 2_000 + 10_000 },
    ]);
  });

  test('count nothing against a key without limits, and say nothing', async () => {
    const made: string[] = [];
    const accounting = createAccounting({
      usage: store,
      prices,
      makeLimiter: (kind) => {
        const limiter = memoryLimiters(kind);
        limiter.penalty = () => Promise.reject(new Error('nothing is counted'));
        made.push(kind.keyPrefix);
        return limiter;
      },
    });
    expect(accounting.admitRequest(key())).toEqual({});
    expect((await accounting.reserve(key(), { model: 'm', tokens: 1e300 })).headers).toEqual({});
    expect(made.length).toBeGreaterThan(0);
  });

  test('give everything back where no upstream took the request up', async () => {
    const accounting = createAccounting({ usage: store, prices });
    const limited = key({ tokensPerMinute: 100, budget: { nanoUsd: 200_000, period: 'total' } });
    for (let round = 0; round < 3; round++) {
      const { settle } = await accounting.reserve(limited, { model: 'm', tokens: 100 });
      settle(nothing);
    }
    expect(await accounting.ledger.list({ limit: 9 })).toMatchObject([
      { requests: 3, failed: 3, promptTokens: 0, costNanoUsd: 0 },
    ]);
  });

  test('charge a call that was cancelled for what it is held to have used', async () => {
    const accounting = createAccounting({ usage: store, prices });
    const limited = key({ tokensPerMinute: 100 });
    const { settle } = await accounting.reserve(limited, { model: 'm', tokens: 100 });
    settle({ ...answered(10, 0, 20), outcome: 'cancelled' });
    const { headers } = await accounting.reserve(limited, { model: 'm', tokens: 0 });
    expect(headers).toMatchObject({ 'x-ratelimit-remaining-tokens': '70' });
    expect(await accounting.ledger.list({ limit: 9 })).toMatchObject([
      { requests: 1, cancelled: 1, promptTokens: 10, completionTokens: 20, costNanoUsd: 50_000 },
    ]);
  });

  test('give tokens back where the budget refuses the request', async () => {
    const accounting = createAccounting({ usage: store, prices });
    const poor = key({ tokensPerMinute: 100, budget: { nanoUsd: 1, period: 'day' } });
    await expect(accounting.reserve(poor, { model: 'm', tokens: 100 })).rejects.toMatchObject({
      status: 402,
      code: 'budget_exceeded',
    });
    const rich = key({ tokensPerMinute: 100 });
    expect((await accounting.reserve(rich, { model: 'm', tokens: 100 })).headers).toMatchObject({
      'x-ratelimit-remaining-tokens': '0',
    });
    await expect(accounting.reserve(rich, { model: 'm', tokens: 1 })).rejects.toMatchObject({
      status: 429,
      code: 'rate_limit_exceeded',
    });
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 1e300])('take %d tokens for too many', async (tokens) => {
    const accounting = createAccounting({ usage: store, prices });
    const limited = key({ tokensPerMinute: 1_000_000 });
    await expect(accounting.reserve(limited, { model: 'm', tokens })).rejects.toMatchObject({ status: 429 });
  });

  test('begin with what is in the store, and what is not in it yet', async () => {
    const before = createAccounting({ usage: store, prices });
    (await before.reserve(key(), { model: 'm', tokens: 1 })).settle(answered(100, 0, 0));
    await before.close();
    const accounting = createAccounting({ usage: store, prices });
    const limited = key({ budget: { nanoUsd: 150_000, period: 'month' } });
    await accounting.seedBudgets([limited]);
    await expect(accounting.reserve(limited, { model: 'm', tokens: 26 })).rejects.toMatchObject({ status: 402 });
    (await accounting.reserve(limited, { model: 'm', tokens: 25 })).settle(answered(50, 0, 0));
    // The operator changes the period: the new one begins with what was spent in it.
    const daily = key({ budget: { nanoUsd: 150_000, period: 'day' } });
    await accounting.seedBudgets([daily]);
    await expect(accounting.reserve(daily, { model: 'm', tokens: 0 })).rejects.toMatchObject({ status: 402 });
  });

  test('go on while the store is away', async () => {
    store.away = true;
    const failures: unknown[] = [];
    const accounting = createAccounting({ usage: store, prices, onInternalError: (error) => failures.push(error) });
    await expect(accounting.seedBudgets([key({ budget: { nanoUsd: 1, period: 'day' } })])).rejects.toMatchObject({
      code: 'store_unavailable',
    });
    (await accounting.reserve(key(), { model: 'm', tokens: 1 })).settle(answered(1, 0, 1));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(failures).toMatchObject([{ code: 'store_unavailable' }]);
    store.away = false;
    await accounting.close();
    expect(store.rows).toMatchObject([{ requests: 1 }]);
  });

  test('report a counter that is gone, and refuse rather than not count', async () => {
    const failures: unknown[] = [];
    let gone = false;
    const accounting = createAccounting({
      usage: store,
      prices,
      onInternalError: (error) => failures.push(error),
      makeLimiter: (kind) => {
        const limiter = memoryLimiters(kind);
        for (const step of ['penalty', 'reward'] as const) {
          const counts = limiter[step].bind(limiter);
          limiter[step] = (...call) => (gone ? Promise.reject(new Error('the counter is gone')) : counts(...call));
        }
        return limiter;
      },
    });
    const limited = key({ tokensPerMinute: 100, budget: { nanoUsd: 1_000_000, period: 'day' } });
    const { settle } = await accounting.reserve(limited, { model: 'm', tokens: 10 });
    gone = true;
    settle(answered(1, 0, 1));
    await vi.advanceTimersByTimeAsync(0);
    expect(failures).toHaveLength(2);
    await expect(accounting.reserve(limited, { model: 'm', tokens: 10 })).rejects.toThrow('the counter is gone');
  });
});

describe('a thousand calls at once, however each ends', () => {
  const call = fc.record({
    estimate: fc.integer({ min: 0, max: 500 }),
    prompt: fc.integer({ min: 0, max: 400 }),
    cached: fc.integer({ min: 0, max: 400 }),
    completion: fc.integer({ min: 0, max: 400 }),
    end: fc.constantFrom('answered' as const, 'failed' as const, 'cancelled' as const, 'nobody' as const),
  });

  test('leave the counts exactly where the sums say', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 1_000, maxLength: 1_000 }), async (calls) => {
        const books = new MemoryUsageStore();
        const accounting = createAccounting({ usage: books, prices });
        const limit = 100_000;
        const budget = { nanoUsd: 150_000_000, period: 'day' } as const;
        const limited = key({ tokensPerMinute: limit, budget });
        const sums = { requests: 0, tokens: 0, cost: 0, failed: 0, cancelled: 0 };
        let refused = 0;
        await Promise.all(
          calls.map(async ({ estimate, prompt, cached, completion, end }, index) => {
            const reservation = await accounting.reserve(limited, { model: 'm', tokens: estimate }).catch(() => null);
            if (reservation === null) {
              refused++;
              return;
            }
            // They end in another order than they began.
            for (let turn = 0; turn < index % 7; turn++) await Promise.resolve();
            sums.requests++;
            if (end === 'nobody') {
              sums.failed++;
              reservation.settle(nothing);
              return;
            }
            const cachedOfPrompt = Math.min(cached, prompt);
            sums.tokens += prompt + completion;
            sums.cost += (prompt - cachedOfPrompt) * 1_000 + cachedOfPrompt * 500 + completion * 2_000;
            if (end !== 'answered') sums[end]++;
            reservation.settle({ ...answered(prompt, cached, completion), outcome: end });
          }),
        );
        await Promise.resolve();
        const [row] = await accounting.ledger.list({ limit: 1 });
        expect(row).toMatchObject({
          requests: sums.requests,
          failed: sums.failed,
          cancelled: sums.cancelled,
          costNanoUsd: sums.cost,
        });
        expect((row?.promptTokens ?? 0) + (row?.completionTokens ?? 0)).toBe(sums.tokens);
        expect(sums.requests + refused).toBe(1_000);
        // What is left is what the sums leave: not one token and not one billionth less or more.
        const wide = key({ tokensPerMinute: 10_000_000, budget: { ...budget, nanoUsd: 10_000_000_000 } });
        const { headers } = await accounting.reserve(wide, { model: 'm', tokens: 0 });
        expect(headers).toMatchObject({ 'x-ratelimit-remaining-tokens': String(10_000_000 - sums.tokens) });
        const exactly = key({ budget: { ...budget, nanoUsd: sums.cost + 2_000 } });
        await expect(accounting.reserve(exactly, { model: 'm', tokens: 2 })).rejects.toMatchObject({ status: 402 });
        (await accounting.reserve(exactly, { model: 'm', tokens: 1 })).settle(nothing);
        await accounting.close();
        expect(books.rows).toMatchObject([{ costNanoUsd: sums.cost, requests: sums.requests + 1 }]);
      }),
      { numRuns: 10 },
    );
  });
});
