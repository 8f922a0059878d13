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

const BREAKER_LEVEL = { closed: 0, 'half-open': 1, open: 2 } as const;

/** Counters of one router, for Prometheus. Hold no key, model, path or word of a request. */
export class RouterMetrics {
  readonly #registry = new Registry();
  readonly #requests = new RequestHistogram();

  constructor(sources: MetricsSources) {
    const registers = [this.#registry];
    const told = { prompt: () => sources.tokens.promptTokens, completion: () => sources.tokens.completionTokens };
    new Counter({
      name: 'sotto_tokens_total',
      help: 'Tokens as the upstreams reported them',
      labelNames: ['kind'],
      registers,
      collect() {
        this.reset();
        for (const [kind, count] of Object.entries(told)) this.inc({ kind }, count());
      },
    });
    gauge('sotto_requests_under_way', 'Requests under way', registers, () => sources.requestsUnderWay());
    upstreamGauges(registers, sources.upstreams);
    collectDefaultMetrics({ register: this.#registry });
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
}

function gauge(name: string, help: string, registers: Registry[], read: () => number): void {
  new Gauge({
    name,
    help,
    registers,
    collect() {
      this.set(read());
    },
  });
}

function upstreamGauges(registers: Registry[], states: () => readonly UpstreamState[]): void {
  const add = (name: string, help: string, of: (state: UpstreamState) => number): void => {
    new Gauge({
      name,
      help,
      labelNames: ['upstream'],
      registers,
      collect() {
        for (const state of states()) this.set({ upstream: state.name }, of(state));
      },
    });
  };
  add('sotto_upstream_healthy', '1 where its probes succeed', ({ healthy }) => (healthy ? 1 : 0));
  add('sotto_upstream_breaker', '0 closed, 1 half open, 2 open', ({ breaker }) => BREAKER_LEVEL[breaker]);
  add('sotto_upstream_under_way', 'Calls under way', ({ underWay }) => underWay);
  add('sotto_upstream_waiting', 'Calls that wait for a place', ({ waiting }) => waiting);
  add('sotto_upstream_served', 'Calls answered since the start', ({ served }) => served);
  add('sotto_upstream_failed', 'Calls that it failed since the start', ({ failed }) => failed);
}
