import { AggregatorRegistry } from 'prom-client';

/** What the numbers of several worker processes make together. */
export type AcrossWorkers = 'sum' | 'min' | 'max' | 'first' | 'average';

/** One number, under its labels. */
export interface MetricValue {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** Of a histogram: its buckets, sum and count have names of their own. */
  readonly metricName?: string;
}

/** One metric of one process at one moment: plain data, that goes from process to process. */
export interface MetricSnapshot {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly aggregator: AcrossWorkers;
  readonly values: readonly MetricValue[];
}

/** Joins the metrics of several processes, each as it says. */
export async function joinSnapshots(processes: readonly (readonly MetricSnapshot[])[]): Promise<MetricSnapshot[]> {
  const joined = AggregatorRegistry.aggregate(processes.map((each) => [...each]));
  return snapshotsOf(joined);
}

/** Writes metrics in Prometheus' text format 0.0.4. */
export function expositionText(processes: readonly (readonly MetricSnapshot[])[]): Promise<string> {
  return AggregatorRegistry.aggregate(processes.map((each) => [...each])).metrics();
}

/** Takes a registry's metrics. What it would leave out of a sum, the time of the start, is then the earliest. */
export async function snapshotsOf(registry: { getMetricsAsJSON(): Promise<unknown[]> }): Promise<MetricSnapshot[]> {
  // The library's types give a metric's kind as a number; what it makes is text.
  const metrics = (await registry.getMetricsAsJSON()) as (Omit<MetricSnapshot, 'aggregator'> & {
    aggregator: string;
  })[];
  return metrics.map(({ aggregator, ...rest }) => ({
    ...rest,
    aggregator: aggregator === 'omit' ? 'min' : (aggregator as AcrossWorkers),
  }));
}
