import { apiError } from '@sotto/protocol';
import type { Budget } from '../virtual-keys/virtual-key.ts';
import { type BudgetPeriod, periodAt } from './budget-period.ts';
import { Counter } from './counter.ts';
import { counterKind, type LimiterFactory, memoryLimiters } from './limiter-factory.ts';

const DAY_SECONDS = 86_400;
/** Longer than the periods, so that a count outlives its own; 0: for ever. */
const KEPT_SECONDS: Readonly<Record<Budget['period'], number>> = {
  day: 2 * DAY_SECONDS,
  month: 33 * DAY_SECONDS,
  total: 0,
};
/** How long a count is kept once its period is over: for processes whose clocks are behind. */
const KEPT_AFTER_MS = 3_600_000;

/** Money set aside for a request under way. */
export interface BudgetReservation {
  /**
   * Replaces what was set aside by what the request cost, 0 where nothing. Called exactly once.
   * @throws the counter's own error, where it cannot be reached
   */
  settle(costNanoUsd: number): Promise<void>;
}

/** A key with what it may spend. */
export interface BudgetHolder {
  readonly id: string;
  readonly budget: Budget | undefined;
}

interface Count {
  readonly kind: Budget['period'];
  readonly endsAtMs: number;
}

/** Counts money, in billionths of a US dollar, for each key and period; a count is named by both. */
export class Budgets {
  readonly #counters: Readonly<Record<Budget['period'], Counter>>;
  readonly #periods = new Map<Budget['period'], BudgetPeriod & { readonly fromMs: number }>();
  /** The counts of periods that end, to forget them: at most two or three a key. */
  readonly #counts = new Map<string, Count>();
  #sweptAtMs = 0;

  constructor(makeLimiter: LimiterFactory = memoryLimiters) {
    const counter = (period: Budget['period']): Counter =>
      new Counter(makeLimiter, counterKind(`budget-${period}`, KEPT_SECONDS[period]));
    this.#counters = { day: counter('day'), month: counter('month'), total: counter('total') };
  }

  /**
   * Sets money aside, all of it or none.
   * @param costNanoUsd at most what the request may cost; 0 where it has no price
   * @throws APIError `budget_exceeded` where what is left is less, or nothing
   */
  async reserve(keyId: string, budget: Budget, costNanoUsd: number): Promise<BudgetReservation> {
    const kind = budget.period;
    const period = this.#periodNow(kind);
    const name = this.#nameOf(keyId, kind, period);
    const { total } = await this.#counters[kind].add(name, costNanoUsd);
    if (total > budget.nanoUsd || total - costNanoUsd >= budget.nanoUsd) {
      await this.#counters[kind].takeBack(name, costNanoUsd);
      throw apiError('budget_exceeded', exceededMessage(kind, period));
    }
    return { settle: (cost) => this.#settle(keyId, kind, period, costNanoUsd, cost) };
  }

  /**
   * Has the counts of keys say at least what was spent by another account: at the start, and when the counts have come
   * to be held elsewhere. Any number of processes may do so at once.
   * @param spentSince what each key spent from a day on, in billionths of a US dollar
   */
  async seed(
    keys: Iterable<BudgetHolder>,
    spentSince: (day: string) => Promise<ReadonlyMap<string, number>>,
  ): Promise<void> {
    const spent = new Map<Budget['period'], ReadonlyMap<string, number>>();
    for (const { id, budget } of keys) {
      if (budget === undefined) continue;
      const kind = budget.period;
      const period = this.#periodNow(kind);
      const ofAll = spent.get(kind) ?? (await spentSince(period.firstDay));
      spent.set(kind, ofAll);
      const amount = ofAll.get(id) ?? 0;
      if (amount === 0) continue;
      const name = this.#nameOf(id, kind, period);
      // Adding all and taking back what was there leaves the larger of both, whoever does it at the same time.
      const { total } = await this.#counters[kind].add(name, amount);
      const before = Math.max(total - amount, 0);
      if (before > 0) await this.#counters[kind].takeBack(name, Math.min(before, amount));
    }
  }

  async #settle(
    keyId: string,
    kind: Budget['period'],
    reservedIn: BudgetPeriod,
    reserved: number,
    cost: number,
  ): Promise<void> {
    const period = this.#periodNow(kind);
    if (period.name !== reservedIn.name) {
      // As in the usage that is stored: a request counts on the day it ends. What was set aside ended with its period.
      if (cost > 0) await this.#counters[kind].add(this.#nameOf(keyId, kind, period), cost);
      return;
    }
    const name = this.#nameOf(keyId, kind, period);
    if (cost > reserved) await this.#counters[kind].add(name, cost - reserved);
    else if (cost < reserved) await this.#counters[kind].takeBack(name, reserved - cost);
  }

  #periodNow(kind: Budget['period']): BudgetPeriod {
    const now = Date.now();
    const known = this.#periods.get(kind);
    if (known !== undefined && now >= known.fromMs && now < known.endsAtMs) return known;
    const period = { ...periodAt(kind, now), fromMs: now };
    this.#periods.set(kind, period);
    return period;
  }

  #nameOf(keyId: string, kind: Budget['period'], { name: periodName, endsAtMs }: BudgetPeriod): string {
    const name = `${keyId}:${periodName}`;
    if (kind !== 'total' && !this.#counts.has(name)) {
      this.#forgetEnded();
      this.#counts.set(name, { kind, endsAtMs });
    }
    return name;
  }

  #forgetEnded(): void {
    const now = Date.now();
    if (Math.abs(now - this.#sweptAtMs) < KEPT_AFTER_MS) return;
    this.#sweptAtMs = now;
    for (const [name, { kind, endsAtMs }] of this.#counts) {
      if (now < endsAtMs + KEPT_AFTER_MS) continue;
      this.#counts.delete(name);
      // Where it cannot be reached, the count's own time to live forgets it.
      this.#counters[kind].forget(name).catch(() => {});
    }
  }
}

function exceededMessage(kind: Budget['period'], { endsAtMs }: BudgetPeriod): string {
  if (kind === 'total') {
    return "this API key's budget does not leave enough for this request, and does not begin anew: ask the operator";
  }
  const anew = `${new Date(endsAtMs).toISOString().slice(0, 19)}Z`;
  return `this API key's budget for the ${kind} does not leave enough for this request; it begins anew at ${anew}`;
}
