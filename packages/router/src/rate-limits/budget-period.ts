import type { Budget } from '../virtual-keys/virtual-key.ts';

/** A stretch of time that a budget is for. */
export interface BudgetPeriod {
  /** `2026-01-31`, `2026-01` or `total`. */
  readonly name: string;
  /** Its first day in UTC, as `2026-01-31`; before all days for a budget that never begins anew. */
  readonly firstDay: string;
  /** Unix time in milliseconds at which the next begins; infinite for a budget that never begins anew. */
  readonly endsAtMs: number;
}

const TOTAL: BudgetPeriod = Object.freeze({
  name: 'total',
  firstDay: '0000-01-01',
  endsAtMs: Number.POSITIVE_INFINITY,
});

/** The period that a moment is in, days and months being those of UTC. */
export function periodAt(kind: Budget['period'], nowMs: number): BudgetPeriod {
  if (kind === 'total') return TOTAL;
  const now = new Date(nowMs);
  const year = now.getUTCFullYear();
  const month = now.getUTCMonth();
  const date = now.getUTCDate();
  const day = now.toISOString().slice(0, 10);
  if (kind === 'day') return { name: day, firstDay: day, endsAtMs: Date.UTC(year, month, date + 1) };
  const name = day.slice(0, 7);
  return { name, firstDay: `${name}-01`, endsAtMs: Date.UTC(year, month + 1, 1) };
}
