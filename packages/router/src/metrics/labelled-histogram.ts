import { namedLabels } from './labelled-counter.ts';
import type { MetricSnapshot, MetricValue } from './metric-snapshot.ts';

interface Series {
  readonly labels: readonly string[];
  /** One for each bound, and one for what is greater. */
  readonly counts: number[];
  sum: number;
}

/** How a histogram is made. */
export interface HistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly string[];
  /** Upper bounds of the buckets, ascending. */
  readonly bounds: readonly number[];
}

/** Counts values in buckets by labels: for what every request, or every event of a stream, passes through. */
export class LabelledHistogram {
  readonly #options: HistogramOptions;
  readonly #series = new Map<string, Series>();

  constructor(options: HistogramOptions) {
    this.#options = options;
    // Without labels there is one series, and it is there from the start.
    if (options.labelNames.length === 0) this.#seriesOf([]);
  }

  /** @param count how often the value occurred */
  observe(labels: readonly string[], value: number, count = 1): void {
    const { bounds } = this.#options;
    const series = this.#seriesOf(labels);
    series.sum += value * count;
    let bucket = 0;
    while (bucket < bounds.length && value > (bounds[bucket] ?? 0)) bucket++;
    series.counts[bucket] = (series.counts[bucket] ?? 0) + count;
  }

  snapshot(): MetricSnapshot {
    const { name, help } = this.#options;
    const values = [...this.#series.values()].flatMap((series) => this.#valuesOf(series));
    return { name, help, type: 'histogram', aggregator: 'sum', values };
  }

  #seriesOf(labels: readonly string[]): Series {
    const key = labels.join('\n');
    let series = this.#series.get(key);
    if (series === undefined) {
      series = { labels, counts: Array.from({ length: this.#options.bounds.length + 1 }, () => 0), sum: 0 };
      this.#series.set(key, series);
    }
    return series;
  }

  #valuesOf({ labels, counts, sum }: Series): readonly MetricValue[] {
    const { name, labelNames, bounds } = this.#options;
    const named = namedLabels(labelNames, labels);
    let total = 0;
    const buckets = counts.map((count, index) => {
      total += count;
      const le = bounds[index] ?? '+Inf';
      return { metricName: `${name}_bucket`, labels: { le, ...named }, value: total };
    });
    return [
      ...buckets,
      { metricName: `${name}_sum`, labels: named, value: sum },
      { metricName: `${name}_count`, labels: named, value: total },
    ];
  }
}
