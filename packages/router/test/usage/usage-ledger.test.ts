import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { UsageLedger } from '../../src/usage/usage-ledger.ts';
import { gate } from '../eventually.ts';
import { MemoryUsageStore } from './memory-usage-store.ts';

const entry = (more: Partial<Parameters<UsageLedger['record']>[0]> = {}) => ({
  keyId: 'k',
  model: 'm',
  outcome: 'answered' as const,
  tokens: { promptTokens: 10, cachedTokens: 4, completionTokens: 5 },
  costNanoUsd: 7,
  ...more,
});

const row = (more = {}) => ({
  keyId: 'k',
  model: 'm',
  day: '2026-01-31',
  requests: 1,
  failed: 0,
  cancelled: 0,
  promptTokens: 10,
  cachedTokens: 4,
  completionTokens: 5,
  costNanoUsd: 7,
  ...more,
});

let store: MemoryUsageStore;
beforeEach(() => {
  store = new MemoryUsageStore();
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 31, 23, 59, 50) });
});
afterEach(() => void vi.useRealTimers());

describe('the ledger', () => {
  test('adds up what one key used of one model on one day, and stores it a second later', async () => {
    const ledger = new UsageLedger(store);
    ledger.record(entry());
    ledger.record(entry({ outcome: 'cancelled' }));
    ledger.record(entry({ outcome: 'failed', tokens: null, costNanoUsd: 0 }));
    expect(store.batches).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(store.rows).toEqual([
      row({
        requests: 3,
        failed: 1,
        cancelled: 1,
        promptTokens: 20,
        cachedTokens: 8,
        completionTokens: 10,
        costNanoUsd: 14,
      }),
    ]);
    expect(ledger.waitingRows).toBe(0);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(store.batches).toEqual([1]);
  });

  test('begins a new row with the day in UTC', async () => {
    const ledger = new UsageLedger(store);
    ledger.record(entry());
    await vi.advanceTimersByTimeAsync(10_000);
    ledger.record(entry());
    await ledger.flush();
    expect(store.rows.map(({ day }) => day)).toEqual(['2026-02-01', '2026-01-31']);
  });

  test('tells keys and models apart', async () => {
    const ledger = new UsageLedger(store);
    for (const keyId of ['a', 'b']) for (const model of ['x', 'y']) ledger.record(entry({ keyId, model }));
    await ledger.flush();
    expect(store.rows.map(({ keyId, model }) => keyId + model)).toEqual(['ax', 'ay', 'bx', 'by']);
  });

  test('keeps what the store does not take, asks less and less often, and stores all of it once', async () => {
    const failures: unknown[] = [];
    const ledger = new UsageLedger(store, { onStoreError: (error) => failures.push(error) });
    store.away = true;
    for (let second = 0; second < 120; second++) {
      ledger.record(entry());
      await vi.advanceTimersByTimeAsync(1_000);
    }
    expect(store.batches.length).toBeGreaterThan(3);
    expect(store.batches.length).toBeLessThan(9);
    expect(failures).toHaveLength(store.batches.length);
    expect(failures[0]).toMatchObject({ code: 'store_unavailable' });
    store.away = false;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(store.rows.reduce((sum, { requests }) => sum + requests, 0)).toBe(120);
    expect(ledger.waitingRows).toBe(0);
  });

  test('counts once what the store kept without saying so, and goes on counting meanwhile', async () => {
    const ledger = new UsageLedger(store);
    ledger.record(entry());
    store.forgetsToSay = true;
    await expect(ledger.flush()).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(ledger.isFailing).toBe(true);
    ledger.record(entry());
    await expect(ledger.list({ limit: 10 })).rejects.toMatchObject({ code: 'store_unavailable' });
    store.forgetsToSay = false;
    expect(await ledger.list({ limit: 10 })).toMatchObject([{ requests: 2, costNanoUsd: 14 }]);
    expect(Object.fromEntries(await ledger.spentSince('2026-01-31'))).toEqual({ k: 14 });
    await ledger.flush();
    expect(store.rows).toMatchObject([{ requests: 2, costNanoUsd: 14 }]);
    expect(ledger.isFailing).toBe(false);
    expect(ledger.waitingRows).toBe(0);
  });

  test('counts what is recorded while rows are on their way', async () => {
    const ledger = new UsageLedger(store);
    const held = gate();
    store.beforeAdd = () => held.opened;
    ledger.record(entry());
    const stored = ledger.flush();
    await vi.advanceTimersByTimeAsync(0);
    ledger.record(entry());
    held.open();
    await stored;
    await ledger.flush();
    expect(store.rows).toMatchObject([{ requests: 2, costNanoUsd: 14 }]);
  });

  test('answers queries with what waits added to what is stored', async () => {
    const ledger = new UsageLedger(store);
    ledger.record(entry());
    await ledger.flush();
    ledger.record(entry());
    ledger.record(entry({ model: 'n' }));
    ledger.record(entry({ keyId: 'other' }));
    expect(await ledger.list({ keyId: 'k', limit: 10 })).toMatchObject([
      { model: 'm', requests: 2, costNanoUsd: 14 },
      { model: 'n', requests: 1 },
    ]);
    expect(await ledger.list({ keyId: 'k', limit: 1 })).toHaveLength(1);
    expect(await ledger.list({ model: 'n', limit: 10 })).toHaveLength(1);
    expect(await ledger.list({ from: '2026-02-01', limit: 10 })).toEqual([]);
    expect(await ledger.list({ to: '2026-01-30', limit: 10 })).toEqual([]);
    expect(Object.fromEntries(await ledger.spentSince('2026-01-31'))).toEqual({ k: 21, other: 7 });
    expect(Object.fromEntries(await ledger.spentSince('2026-02-01'))).toEqual({});
  });

  test('sees a row once in a query that comes while it is being stored', async () => {
    const ledger = new UsageLedger(store);
    const held = gate();
    store.beforeAdd = () => held.opened;
    ledger.record(entry());
    const stored = ledger.flush();
    const listed = ledger.list({ limit: 10 });
    held.open();
    await stored;
    expect(await listed).toMatchObject([{ requests: 1 }]);
  });

  test('is bounded: models beyond its room are counted as others, and nothing is lost', async () => {
    const ledger = new UsageLedger(store, { maxRows: 3 });
    store.away = true;
    for (let index = 0; index < 10; index++) ledger.record(entry({ model: `m${index}` }));
    ledger.record(entry({ model: 'm0' }));
    expect(ledger.waitingRows).toBe(4);
    expect(ledger.foldedRequests).toBe(7);
    await expect(ledger.flush()).rejects.toMatchObject({ code: 'store_unavailable' });
    store.away = false;
    await ledger.flush();
    expect(Object.fromEntries(store.rows.map(({ model, requests }) => [model, requests]))).toEqual({
      m0: 2,
      m1: 1,
      m2: 1,
      '*other': 7,
    });
  });

  test('stores in portions, and after a failure only what is left', async () => {
    const ledger = new UsageLedger(store);
    for (let index = 0; index < 1_200; index++) ledger.record(entry({ model: `m${index}` }));
    let adds = 0;
    store.beforeAdd = () => {
      adds++;
      store.away = adds === 2;
      return Promise.resolve();
    };
    await expect(ledger.flush()).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(ledger.waitingRows).toBe(700);
    await ledger.flush();
    expect(store.batches).toEqual([500, 500, 500, 200]);
    expect(store.rows.every(({ requests }) => requests === 1)).toBe(true);
    expect(store.rows).toHaveLength(1_200);
  });

  test('has stored everything when it is closed, or says that it could not', async () => {
    const ledger = new UsageLedger(store);
    ledger.record(entry());
    await ledger.close();
    expect(store.rows).toHaveLength(1);
    const lost = new UsageLedger(store);
    lost.record(entry());
    store.away = true;
    await expect(lost.close()).rejects.toMatchObject({ code: 'store_unavailable' });
    expect(vi.getTimerCount()).toBe(0);
  });

  test('takes the odd numbers of a broken upstream for none', async () => {
    const ledger = new UsageLedger(store);
    ledger.record(entry({ tokens: { promptTokens: Number.NaN, cachedTokens: 3, completionTokens: -1 } }));
    await ledger.flush();
    expect(store.rows).toMatchObject([{ promptTokens: 0, cachedTokens: 0, completionTokens: 0 }]);
  });
});
