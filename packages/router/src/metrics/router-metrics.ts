import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { UpstreamState } from '../upstreams/upstream-state.ts';

/** What the metrics ask of the rest of the router, each time they are read. */
export interface MetricsSources {
  readonly upstreams: () => readonly UpstreamState[];
  readonly requestsUnderWay: () => number;
}

/** How a request was answered. Nothing that a caller can choose freely is among it, so the series stay few. */
export interface AnsweredRequest {
  /** The path of the route, as it is declared; `none` where no route took it. */
  readonly route: string;
  /** What it was sealed under: `clear`, `ohttp`, `ehbp`, `nomyo-v1`. */
  readonly door: string;
  readonly status: number;
  readonly seconds: number;
}

/** Buckets in seconds: a refusal takes a millisecond, an answer of a large model minutes. */
const SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const BREAKER_LEVEL = { closed: 0, 'half-open': 1, open: 2 } as const;

/** Counters of one router, for Prometheus. Hold no key, model, path or word of a request. */
export class RouterMetrics {
  readonly #registry = new Registry();
  readonly #requests: Counter<'route' | 'door' | 'status'>;
  readonly #duration: Histogram<'route' | 'door'>;
  readonly #tokens: Counter<'kind'>;
  /** The library builds a key of the labels each time; these are the few that there are. */
  readonly #known = new Map<string, (seconds: number) => void>();

  constructor(sources: MetricsSources) {
    const registers = [this.#registry];
    this.#requests = new Counter({
      name: 'sotto_requests_total',
      help: 'Requests answered, by route, door and status',
      labelNames: ['route', 'door', 'status'],
      registers,
    });
    this.#duration = new Histogram({
      name: 'sotto_request_duration_seconds',
      help: 'From a request’s head to its answer’s end',
      labelNames: ['route', 'door'],
      buckets: SECONDS,
      registers,
    });
    this.#tokens = new Counter({
      name: 'sotto_tokens_total',
      help: 'Tokens as the upstreams reported them',
      labelNames: ['kind'],
      registers,
    });
    gauge('sotto_requests_under_way', 'Requests under way', registers, () => sources.requestsUnderWay());
    upstreamGauges(registers, sources.upstreams);
    collectDefaultMetrics({ register: this.#registry });
  }

  /** Counts an answered request. */
  answered({ route, door, status, seconds }: AnsweredRequest): void {
    const name = `${status} ${door} ${route}`;
    let count = this.#known.get(name);
    if (count === undefined) {
      const requests = this.#requests.labels({ route, door, status: String(status) });
      const duration = this.#duration.labels({ route, door });
      count = (took) => {
        requests.inc();
        duration.observe(took);
      };
      this.#known.set(name, count);
    }
    count(seconds);
  }

  /** Counts tokens. */
  used({ promptTokens, completionTokens }: { readonly promptTokens: number; readonly completionTokens: number }): void {
    this.#tokens.inc({ kind: 'prompt' }, promptTokens);
    this.#tokens.inc({ kind: 'completion' }, completionTokens);
  }

  /** All of them, in Prometheus' text form. */
  async text(): Promise<{ readonly contentType: string; readonly body: string }> {
    return { contentType: this.#registry.contentType, body: await this.#registry.metrics() };
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
