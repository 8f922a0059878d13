import { APIError } from '@sotto/protocol';
import { Budgets } from '../../src/rate-limits/budgets.ts';
import type { LimiterFactory } from '../../src/rate-limits/limiter-factory.ts';
import { RequestLimits } from '../../src/rate-limits/request-limits.ts';
import { TokenLimits } from '../../src/rate-limits/token-limits.ts';

/** Many calls of one key at once, to be made by one process of several. */
export interface LimitTask {
  readonly counts: 'requests' | 'tokens' | 'budget';
  readonly keyId: string;
  readonly limit: number;
  readonly calls: number;
  /** Tokens or money that each call sets aside. */
  readonly each: number;
  /** What each call that was let in used in the end; null leaves it open. */
  readonly used: number | null;
  /** What another account says was spent before, for budgets. */
  readonly spentBefore: number;
}

/** Makes the calls against counters that may be shared. @returns how many were let in */
export async function runLimitTask(makeLimiter: LimiterFactory, task: LimitTask): Promise<number> {
  const call = await caller(makeLimiter, task);
  const outcomes = await Promise.all(
    Array.from({ length: task.calls }, async () => {
      try {
        return await call();
      } catch (error) {
        if (APIError.isInstance(error) && (error.status === 429 || error.status === 402)) return null;
        throw error;
      }
    }),
  );
  const admitted = outcomes.filter((outcome) => outcome !== null);
  if (task.used !== null) for (const settle of admitted) await settle(task.used);
  return admitted.length;
}

type Settle = (used: number) => Promise<void>;

async function caller(makeLimiter: LimiterFactory, task: LimitTask): Promise<() => Promise<Settle>> {
  const { keyId, limit, each } = task;
  if (task.counts === 'requests') {
    const limits = new RequestLimits(makeLimiter);
    return async () => {
      await limits.admit({ name: keyId, requestsPerMinute: limit, requestsPerDay: undefined });
      return () => Promise.resolve();
    };
  }
  if (task.counts === 'tokens') {
    const limits = new TokenLimits(makeLimiter);
    return async () => {
      const reservation = await limits.reserve(keyId, limit, each);
      return (used) => reservation.settle(used);
    };
  }
  const budget = { nanoUsd: limit, period: 'total' } as const;
  const budgets = new Budgets(makeLimiter);
  const spent = new Map([[keyId, task.spentBefore]]);
  await budgets.seed([{ id: keyId, budget }], () => Promise.resolve(spent));
  return async () => {
    const reservation = await budgets.reserve(keyId, budget, each);
    return (used) => reservation.settle(used);
  };
}
