import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { CryptoClock } from '../http/crypto-clock.ts';
import type { Answered, ModelWork, OnTokenGap, RequestNotes } from '../http/request-notes.ts';
import type { UpstreamState } from '../upstreams/upstream-state.ts';
import { LabelledCounter } from './labelled-counter.ts';
import { LabelledHistogram } from './labelled-histogram.ts';
import { type AcrossWorkers, type MetricSnapshot, snapshotsOf } from './metric-snapshot.ts';
import type { TokenTotals } from './token-totals.ts';

/** What the metrics ask of the rest of the router, each time they are read. */
export interface MetricsSources {
  readonly version: string;
  readonly upstreams: () => readonly UpstreamState[];
  readonly requestsUnderWay: () => number;
  /** How many may be under way at once. */
  readonly maxRequestsUnderWay: () => number;
  readonly tokens: TokenTotals;
}

/** One number, or one for each value of the label. */
export type Reading = number | Readonly<Record<string, number>>;

/** What may be said of a metric beyond its name. */
export interface MetricOptions {
  /** The one label; its values are the reading's keys, and must be few: never what a caller chooses. */
  readonly label?: string;
  /** What the numbers of several worker processes make together. Default: their sum. */
  readonly acrossWorkers?: AcrossWorkers;
}

const BREAKER_LEVEL = { closed: 0, 'half-open': 1, open: 2 } as const;
/** A refusal takes a millisecond, an answer of a large model minutes. */
const REQUEST_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const FIRST_TOKEN_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const TOKEN_GAP_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
/** A chunk takes microseconds, RSA milliseconds, and its queue seconds. */
const CRYPTO_SECONDS = [0.00001, 0.000025, 0.0001, 0.00025, 0.001, 0.0025, 0.01, 0.025, 0.1, 0.5, 2.5];
/** The library names them against Prometheus' own rules; each has its parts under another name. */
const MISNAMED = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

/** Counters of one router, for Prometheus. Hold no key, model, path or word of a request. */
export class RouterMetrics {
  readonly #registry = new Registry();
  readonly #requests = new LabelledCounter('sotto_requests_total', 'Requests answered', [
    'route',
    'door',
    'status',
    'code',
  ]);
  readonly #durations = new LabelledHistogram({
    name: 'sotto_request_duration_seconds',
    help: 'From a request’s head to its answer’s end',
    labelNames: ['route', 'door'],
    bounds: REQUEST_SECONDS,
  });
  readonly #work = new LabelledCounter('sotto_model_requests_total', 'Requests for models that an upstream worked on', [
    'upstream',
    'tier',
    'outcome',
  ]);
  readonly #firstTokens = new LabelledHistogram({
    name: 'sotto_time_to_first_token_seconds',
    help: 'Of streams: from a request’s head to its first event',
    labelNames: ['door'],
    bounds: FIRST_TOKEN_SECONDS,
  });
  readonly #tokenGaps = new LabelledHistogram({
    name: 'sotto_inter_token_seconds',
    help: 'Of streams: between two events',
    labelNames: [],
    bounds: TOKEN_GAP_SECONDS,
  });
  readonly #crypto = new LabelledHistogram({
    name: 'sotto_crypto_seconds',
    help: 'Opening requests and sealing answers, by operation',
    labelNames: ['operation'],
    bounds: CRYPTO_SECONDS,
  });

  constructor(sources: MetricsSources) {
    const { version, tokens, upstreams, maxRequestsUnderWay } = sources;
    const ofTokens = (): Reading => ({ prompt: tokens.promptTokens, completion: tokens.completionTokens });
    this.gauge('sotto_build_info', 'The version that runs', () => ({ [version]: 1 }), {
      label: 'version',
      acrossWorkers: 'first',
    });
    this.counter('sotto_tokens_total', 'Tokens as the upstreams reported them', ofTokens, { label: 'kind' });
    this.gauge('sotto_requests_under_way', 'Requests under way', () => sources.requestsUnderWay());
    this.gauge('sotto_requests_under_way_limit', 'How many may be', maxRequestsUnderWay);
    this.#upstreamMetrics(upstreams);
    collectDefaultMetrics({ register: this.#registry });
    for (const name of MISNAMED) this.#registry.removeSingleMetric(name);
  }

  /** Told of each event of a stream but the first. */
  readonly onTokenGap: OnTokenGap = (seconds, count) => this.#tokenGaps.observe([], seconds, count);

  /** Told of what is opened and sealed. */
  readonly onCrypto: CryptoClock = (operation, beganMs) =>
    this.#crypto.observe([operation], (performance.now() - beganMs) / 1_000);

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
  answered({ route, door, status, code }: Answered, notes: RequestNotes): void {
    const { beganMs, firstTokenMs, work } = notes;
    this.#requests.add([route, door, String(status), code]);
    this.#durations.observe([route, door], (performance.now() - beganMs) / 1_000);
    if (firstTokenMs !== null) this.#firstTokens.observe([door], (firstTokenMs - beganMs) / 1_000);
    if (work !== null) this.#work.add(workLabels(work));
  }

  /** All of them as they are now, as plain data. */
  async snapshots(): Promise<readonly MetricSnapshot[]> {
    const own = [this.#requests, this.#durations, this.#work, this.#firstTokens, this.#tokenGaps, this.#crypto];
    return [...own.map((metric) => metric.snapshot()), ...(await snapshotsOf(this.#registry))];
  }

  /** Lets go of them. */
  close(): void {
    this.#registry.clear();
  }

  #settings(name: string, help: string, { label, acrossWorkers = 'sum' }: MetricOptions) {
    const labelNames = label === undefined ? [] : [label];
    return { name, help, labelNames, registers: [this.#registry], aggregator: acrossWorkers };
  }

  #upstreamMetrics(states: () => readonly UpstreamState[]): void {
    const read =
      (of: (state: UpstreamState) => number): (() => Reading) =>
      () =>
        Object.fromEntries(states().map((state) => [state.name, of(state)]));
    const add = (
      name: string,
      help: string,
      acrossWorkers: AcrossWorkers,
      of: (state: UpstreamState) => number,
    ): void => this.gauge(name, help, read(of), { label: 'upstream', acrossWorkers });
    const count = (name: string, help: string, of: (state: UpstreamState) => number): void =>
      this.counter(name, help, read(of), { label: 'upstream' });
    // Of several workers the one that sees it worst is heard.
    add('sotto_upstream_healthy', '1 where its probes succeed', 'min', ({ healthy }) => (healthy ? 1 : 0));
    add('sotto_upstream_breaker', '0 closed, 1 half open, 2 open', 'max', ({ breaker }) => BREAKER_LEVEL[breaker]);
    add('sotto_upstream_under_way', 'Calls under way', 'sum', ({ underWay }) => underWay);
    add('sotto_upstream_waiting', 'Calls that wait for a place', 'sum', ({ waiting }) => waiting);
    count('sotto_upstream_served_total', 'Calls answered', ({ served }) => served);
    count('sotto_upstream_failed_total', 'Calls that it failed', ({ failed }) => failed);
    count(
      'sotto_upstream_resent_total',
      'Requests sent again because a kept connection had been closed',
      ({ resent }) => resent,
    );
  }
}

/** An upstream's name is the operator's word; a model's would be the caller's. */
function workLabels({ upstream, tier, outcome }: ModelWork): readonly string[] {
  return [upstream ?? 'none', tier, outcome];
}

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

function samples(reading: Reading, { label = '' }: MetricOptions): readonly Sample[] {
  if (typeof reading === 'number') return [{ labels: {}, value: reading }];
  return Object.entries(reading).map(([name, value]) => ({ labels: { [label]: name }, value }));
}
