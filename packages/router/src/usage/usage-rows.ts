import type { Usage, UsageRow } from './usage-store.ts';

/** Collects the usage of models that there is no room for. */
export const OTHER_MODELS = '*other';

type Mutable<T> = { -readonly [Member in keyof T]: T[Member] };

/** Usage added up in memory: one row a day, key and model. */
export class UsageRows {
  readonly #rows = new Map<string, Mutable<UsageRow>>();
  readonly #max: number;

  /** @param max rows beyond which a model that has none is counted under {@link OTHER_MODELS} */
  constructor(max: number) {
    this.#max = max;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** @returns false where there was no room for a row of its own */
  add(day: string, keyId: string, model: string, usage: Usage): boolean {
    const known = this.#rows.get(nameOf(day, keyId, model));
    if (known !== undefined) {
      addTo(known, usage);
      return true;
    }
    const fits = this.#rows.size < this.#max || model === OTHER_MODELS;
    if (!fits) {
      this.add(day, keyId, OTHER_MODELS, usage);
      return false;
    }
    const { requests, failed, cancelled, promptTokens, cachedTokens, completionTokens, costNanoUsd } = usage;
    const counts = { requests, failed, cancelled, promptTokens, cachedTokens, completionTokens, costNanoUsd };
    this.#rows.set(nameOf(day, keyId, model), { keyId, model, day, ...counts });
    return true;
  }

  /** Takes up to `count` rows out. */
  take(count: number): readonly UsageRow[] {
    const taken: UsageRow[] = [];
    for (const [name, row] of this.#rows) {
      if (taken.length >= count) break;
      taken.push(row);
      this.#rows.delete(name);
    }
    return taken;
  }

  /** What there is, as it is now: the rows go on counting. */
  snapshot(): readonly UsageRow[] {
    return Array.from(this.#rows.values(), (row) => ({ ...row }));
  }
}

/** Adds up rows of the same day, key and model, in the order of {@link UsageStore.list}. */
export function mergeRows(rows: Iterable<UsageRow>): UsageRow[] {
  const merged = new Map<string, Mutable<UsageRow>>();
  for (const row of rows) {
    const name = nameOf(row.day, row.keyId, row.model);
    const known = merged.get(name);
    if (known === undefined) merged.set(name, { ...row });
    else addTo(known, row);
  }
  return [...merged.values()].sort(
    (a, b) => compare(b.day, a.day) || compare(a.keyId, b.keyId) || compare(a.model, b.model),
  );
}

function addTo(row: Mutable<UsageRow>, usage: Usage): void {
  row.requests += usage.requests;
  row.failed += usage.failed;
  row.cancelled += usage.cancelled;
  row.promptTokens += usage.promptTokens;
  row.cachedTokens += usage.cachedTokens;
  row.completionTokens += usage.completionTokens;
  row.costNanoUsd += usage.costNanoUsd;
}

/** Key ids and days hold no line feed. */
function nameOf(day: string, keyId: string, model: string): string {
  return `${day}\n${keyId}\n${model}`;
}

/** By code units, not by the rules of a language: databases compare bytes. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
