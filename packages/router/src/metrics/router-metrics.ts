import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { UpstreamState } from '../upstreams/upstream-state.ts';
import { type AnsweredRequest, RequestHistogram } from './request-histogram.ts';
import type { TokenTotals } from './token-totals.ts';

/** What the metrics ask of the rest of the router, each time they are read. */
export interface MetricsSources {
  readonly upstreams: () => readonly UpstreamState[];
  readonly requestsUnderWay: () => number;
  readonly tokens: TokenTotals;
}

/** One number, or one for each value of the label. */
export type Reading = number | Readonly<Record<string, number>>;

/** What may be said of a metric beyond its name. */
export interface MetricOptions {
  /** The one label; its values are the reading's keys, and must be few: never what a caller chooses. */
  readonly label?: string;
  /** What the numbers of several worker processes make together. Default: their sum. */
  readonly acrossWorkers?: 'sum' | 'min' | 'max' | 'first' | 'average';
}

const BREAKER_LEVEL = { closed: 0, 'half-open': 1, open: 2 } as const;

/** Counters of one router, for Prometheus. Hold no key, model, path or word of a request. */
export class RouterMetrics {
  readonly #registry = new Registry();
  readonly #requests = new RequestHistogram();

  constructor(sources: MetricsSources) {
    const { tokens, upstreams } = sources;
    const ofTokens = (): Reading => ({ prompt: tokens.promptTokens, completion: tokens.completionTokens });
    this.counter('sotto_tokens_total', 'Tokens as the upstreams reported them', ofTokens, { label: 'kind' });
    this.gauge('sotto_requests_under_way', 'Requests under way', () => sources.requestsUnderWay());
    this.#upstreamGauges(upstreams);
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Adds a number that goes up and down. `read` is called each time the metrics are read, and must not wait. */
  gauge(name: string, help: string, read: () => Reading, options: MetricOptions = {}): void {
    new Gauge({
      ...this.#settings(name, help, options),
      collect() {
        this.reset();
        for (const { labels, value } of samples(read(), options)) this.set(labels, value);
      },
    });
  }

  /** Adds a number that only goes up, `…_total`. `read` gives what it has come to since the start. */
  counter(name: string, help: string, read: () => Reading, options: MetricOptions = {}): void {
    new Counter({
      ...this.#settings(name, help, options),
      collect() {
        this.reset();
        for (const { labels, value } of samples(read(), options)) this.inc(labels, value);
      },
    });
  }

  /** Counts an answered request. */
  answered(request: AnsweredRequest): void {
    this.#requests.add(request);
  }

  /** All of them, in Prometheus' text form. */
  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    return {
      contentType: this.#registry.contentType,
      body: `${await this.#registry.metrics()}\n${this.#requests.text()}`,
    };
  }

  /** Lets go of them. */
  close(): void {
    this.#registry.clear();
  }

  #settings(name: string, help: string, { label, acrossWorkers = 'sum' }: MetricOptions) {
    const labelNames = label === undefined ? [] : [label];
    return { name, help, labelNames, registers: [this.#registry], aggregator: acrossWorkers };
  }

  #upstreamGauges(states: () => readonly UpstreamState[]): void {
    const add = (name: string, help: string, of: (state: UpstreamState) => number): void => {
      const read = (): Reading => Object.fromEntries(states().map((state) => [state.name, of(state)]));
      this.gauge(name, help, read, { label: 'upstream' });
    };
    add('sotto_upstream_healthy', '1 where its probes succeed', ({ healthy }) => (healthy ? 1 : 0));
    add('sotto_upstream_breaker', '0 closed, 1 half open, 2 open', ({ breaker }) => BREAKER_LEVEL[breaker]);
    add('sotto_upstream_under_way', 'Calls under way', ({ underWay }) => underWay);
    add('sotto_upstream_waiting', 'Calls that wait for a place', ({ waiting }) => waiting);
    add('sotto_upstream_served', 'Calls answered since the start', ({ served }) => served);
    add('sotto_upstream_failed', 'Calls that it failed since the start', ({ failed }) => failed);
  }
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function samples(reading: Reading, { label = '' }: MetricOptions): readonly Sample[] {
  if (typeof reading === 'number') return [{ labels: {}, value: reading }];
  return Object.entries(reading).map(([name, value]) => ({ labels: { [label]: name }, value }));
}
