import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { periodAt } from '../../src/rate-limits/budget-period.ts';
import { Budgets } from '../../src/rate-limits/budgets.ts';
import { memoryLimiters } from '../../src/rate-limits/limiter-factory.ts';

const day = { nanoUsd: 1_000, period: 'day' } as const;
const month = { nanoUsd: 1_000, period: 'month' } as const;
const total = { nanoUsd: 1_000, period: 'total' } as const;

const exceeded = { status: 402, code: 'budget_exceeded', type: 'insufficient_quota' };

describe('the period of a budget', () => {
  const at = Date.UTC(2024, 1, 29, 23, 59, 59, 999);

  test('is a day or a month in UTC, or all time', () => {
    expect(periodAt('day', at)).toEqual({
      name: '2024-02-29',
      firstDay: '2024-02-29',
      endsAtMs: Date.UTC(2024, 2, 1),
    });
    expect(periodAt('month', at)).toEqual({
      name: '2024-02',
      firstDay: '2024-02-01',
      endsAtMs: Date.UTC(2024, 2, 1),
    });
    expect(periodAt('month', Date.UTC(2024, 11, 31))).toMatchObject({ endsAtMs: Date.UTC(2025, 0, 1) });
    expect(periodAt('total', at)).toMatchObject({ name: 'total', endsAtMs: Number.POSITIVE_INFINITY });
    expect('0999-12-31' > periodAt('total', at).firstDay).toBe(true);
  });
});

describe('a budget', () => {
  beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 0, 31, 23, 0) }));
  afterEach(() => void vi.useRealTimers());

  test('is set aside, and then what it really cost', async () => {
    const budgets = new Budgets();
    const one = await budgets.reserve('k', total, 900);
    await expect(budgets.reserve('k', total, 101)).rejects.toMatchObject(exceeded);
    await one.settle(300);
    const two = await budgets.reserve('k', total, 700);
    await two.settle(0);
    const three = await budgets.reserve('k', total, 1);
    await three.settle(700);
    await expect(budgets.reserve('k', total, 0)).rejects.toMatchObject(exceeded);
  });

  test('that is spent refuses even what costs nothing, and one of nothing refuses everything', async () => {
    const budgets = new Budgets();
    await budgets.reserve('k', total, 1_000);
    await expect(budgets.reserve('k', total, 0)).rejects.toMatchObject(exceeded);
    await expect(budgets.reserve('new', { ...total, nanoUsd: 0 }, 0)).rejects.toMatchObject(exceeded);
  });

  test('says when it begins anew, and no amount', async () => {
    const budgets = new Budgets();
    const messages = await Promise.all(
      [day, month, total].map((budget) => budgets.reserve('k', budget, 1_001).catch((error: Error) => error.message)),
    );
    expect(messages[0]).toContain('2026-02-01T00:00:00Z');
    expect(messages[1]).toContain('2026-02-01T00:00:00Z');
    expect(messages[2]).toContain('does not begin anew');
    for (const message of messages) expect(message).not.toMatch(/1[_,]?00[01]/);
  });

  test('begins anew with its day and its month, a total one never', async () => {
    const budgets = new Budgets();
    for (const budget of [day, month, total]) await budgets.reserve('k', budget, 1_000);
    vi.advanceTimersByTime(3_600_000);
    await budgets.reserve('k', day, 1_000);
    await budgets.reserve('k', month, 1_000);
    vi.advanceTimersByTime(86_400_000);
    await budgets.reserve('k', day, 1_000);
    await expect(budgets.reserve('k', month, 1)).rejects.toMatchObject(exceeded);
    await expect(budgets.reserve('k', total, 1)).rejects.toMatchObject(exceeded);
  });

  test('lasts a whole month: longer than a timer can', async () => {
    vi.setSystemTime(Date.UTC(2026, 0, 1));
    const budgets = new Budgets();
    await budgets.reserve('k', month, 1_000);
    vi.advanceTimersByTime(30 * 86_400_000);
    await expect(budgets.reserve('k', month, 1)).rejects.toMatchObject(exceeded);
  });

  test('is charged for a request in the period in which it ends', async () => {
    const budgets = new Budgets();
    const late = await budgets.reserve('k', day, 500);
    vi.advanceTimersByTime(3_600_000);
    await budgets.reserve('k', day, 100);
    await late.settle(400);
    await budgets.reserve('k', day, 500);
    await expect(budgets.reserve('k', day, 1)).rejects.toMatchObject(exceeded);
  });

  test('begins with what was spent before, told by however many and however often', async () => {
    const budgets = new Budgets();
    const asked: string[] = [];
    const spentSince = (from: string) => {
      asked.push(from);
      return Promise.resolve(new Map([['k', 400]]));
    };
    const holders = [
      { id: 'k', budget: month },
      { id: 'l', budget: month },
      { id: 'free', budget: undefined },
    ];
    await Promise.all([budgets.seed(holders, spentSince), budgets.seed(holders, spentSince)]);
    expect(asked).toEqual(['2026-01-01', '2026-01-01']);
    await budgets.reserve('l', month, 1_000);
    await (await budgets.reserve('k', month, 600)).settle(600);
    await budgets.seed(holders, spentSince);
    await expect(budgets.reserve('k', month, 1)).rejects.toMatchObject(exceeded);
  });

  test('is told of what was spent elsewhere: the larger of both accounts counts', async () => {
    const budgets = new Budgets();
    const spend = (amount: number) => () => Promise.resolve(new Map([['k', amount]]));
    await budgets.reserve('k', total, 300);
    await budgets.seed([{ id: 'k', budget: total }], spend(500));
    await budgets.reserve('k', total, 500);
    await expect(budgets.reserve('k', total, 1)).rejects.toMatchObject(exceeded);
    await budgets.seed([{ id: 'k', budget: total }], spend(100));
    await expect(budgets.reserve('k', total, 1)).rejects.toMatchObject(exceeded);
    expect(await budgets.reserve('k', { ...total, nanoUsd: 1_001 }, 1)).toBeDefined();
  });

  test('survives a clock that jumps: no period is opened twice', async () => {
    const budgets = new Budgets();
    const now = Date.now();
    await budgets.reserve('k', day, 1_000);
    vi.setSystemTime(now - 86_400_000);
    await budgets.reserve('k', day, 1_000);
    vi.setSystemTime(now);
    await expect(budgets.reserve('k', day, 1)).rejects.toMatchObject(exceeded);
    vi.setSystemTime(now + 3_600_000);
    await budgets.reserve('k', day, 1_000);
    vi.setSystemTime(now);
    await expect(budgets.reserve('k', day, 1)).rejects.toMatchObject(exceeded);
  });

  test('forgets periods that are over', async () => {
    const kept = new Set<string>();
    const budgets = new Budgets((kind) => {
      const limiter = memoryLimiters(kind);
      const { penalty, delete: forget } = limiter;
      limiter.penalty = (name, ...rest) => {
        kept.add(String(name));
        return penalty.call(limiter, name, ...rest);
      };
      limiter.delete = (name) => {
        kept.delete(String(name));
        return forget.call(limiter, name);
      };
      return limiter;
    });
    for (let index = 0; index < 24; index++) {
      await budgets.reserve('k', month, 1);
      await budgets.reserve(`gone${index}`, month, 1);
      vi.advanceTimersByTime(31 * 86_400_000);
    }
    await budgets.reserve('k', month, 1);
    expect(kept.size).toBeLessThanOrEqual(4);
  });
});
