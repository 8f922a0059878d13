import type { MetricSnapshot } from './metric-snapshot.ts';

/**
 * Counts by several labels. Every request passes here, and the library's own counter checks and hashes its labels each
 * time, which costs more than all the rest of the counting.
 */
export class LabelledCounter {
  readonly #name: string;
  readonly #help: string;
  readonly #labelNames: readonly string[];
  readonly #series = new Map<string, { readonly labels: readonly string[]; count: number }>();

  constructor(name: string, help: string, labelNames: readonly string[]) {
    this.#name = name;
    this.#help = help;
    this.#labelNames = labelNames;
  }

  /** @param labels values in the order of the names; never what a caller can choose freely, so that they stay few */
  add(labels: readonly string[], count = 1): void {
    const key = labels.join('\n');
    const series = this.#series.get(key);
    if (series === undefined) this.#series.set(key, { labels, count });
    else series.count += count;
  }

  snapshot(): MetricSnapshot {
    const values = [...this.#series.values()].map(({ labels, count }) => ({
      labels: namedLabels(this.#labelNames, labels),
      value: count,
    }));
    return { name: this.#name, help: this.#help, type: 'counter', aggregator: 'sum', values };
  }
}

/** Joins the names of labels with their values. */
export function namedLabels(names: readonly string[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}
