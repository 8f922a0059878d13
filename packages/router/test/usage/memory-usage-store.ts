import { apiError } from '@sotto/protocol';
import { mergeRows } from '../../src/usage/usage-rows.ts';
import type { UsageBatch, UsageQuery, UsageRow, UsageStore } from '../../src/usage/usage-store.ts';

/** A store in memory that can be away, and tells how it was used. */
export class MemoryUsageStore implements UsageStore {
  rows: UsageRow[] = [];
  away = false;
  /** Rows of each `add` that was tried. */
  readonly batches: number[] = [];
  /** Called before anything is stored. */
  beforeAdd: () => Promise<void> = () => Promise.resolve();

  /** Keeps what it is given, and then fails to say so. */
  forgetsToSay = false;
  readonly #written = new Map<string, number>();

  async add({ writer, number, rows }: UsageBatch): Promise<void> {
    this.batches.push(rows.length);
    const copies = rows.map((row) => ({ ...row }));
    await this.beforeAdd();
    this.#answer();
    if (number > (this.#written.get(writer) ?? 0)) this.rows = mergeRows([...this.rows, ...copies]);
    this.#written.set(writer, number);
    if (this.forgetsToSay) throw apiError('store_unavailable', 'the store went away');
  }

  async list({ keyId, model, from, to, limit }: UsageQuery): Promise<readonly UsageRow[]> {
    this.#answer();
    return this.rows
      .filter((row) => (keyId === undefined || row.keyId === keyId) && (model === undefined || row.model === model))
      .filter((row) => (from === undefined || row.day >= from) && (to === undefined || row.day <= to))
      .slice(0, limit);
  }

  async spentSince(day: string): Promise<ReadonlyMap<string, number>> {
    this.#answer();
    const spent = new Map<string, number>();
    for (const row of this.rows.filter((each) => each.day >= day)) {
      spent.set(row.keyId, (spent.get(row.keyId) ?? 0) + row.costNanoUsd);
    }
    return spent;
  }

  #answer(): void {
    if (this.away) throw apiError('store_unavailable', 'the store is away');
  }
}
