/** Upper bounds in seconds: a refusal takes a millisecond, an answer of a large model minutes. */
const BOUNDS_SECONDS = [0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];
const REQUESTS = 'sotto_requests_total';
const DURATION = 'sotto_request_duration_seconds';

/** How a request was answered. Nothing that a caller can choose freely is among it, so the series stay few. */
export interface AnsweredRequest {
  /** The path of the route, as it is declared; `none` where no route took it. */
  readonly route: string;
  /** What it was sealed under: `clear`, `ohttp`, `ehbp`, `nomyo-v1`. */
  readonly door: string;
  readonly status: number;
  readonly seconds: number;
}

interface Durations {
  /** One for each bound, and one for what takes longer. */
  readonly counts: number[];
  seconds: number;
}

/**
 * Counts requests and how long they took. Every request passes here, and the library's own histogram makes a key of
 * its labels each time, which costs more than all the rest of the counting.
 */
export class RequestHistogram {
  readonly #requests = new Map<string, number>();
  readonly #durations = new Map<string, Durations>();

  add({ route, door, status, seconds }: AnsweredRequest): void {
    const labels = `route="${route}",door="${door}"`;
    const withStatus = `${labels},status="${status}"`;
    this.#requests.set(withStatus, (this.#requests.get(withStatus) ?? 0) + 1);
    let durations = this.#durations.get(labels);
    if (durations === undefined) {
      durations = { counts: Array.from({ length: BOUNDS_SECONDS.length + 1 }, () => 0), seconds: 0 };
      this.#durations.set(labels, durations);
    }
    durations.seconds += seconds;
    let bucket = 0;
    while (bucket < BOUNDS_SECONDS.length && seconds > (BOUNDS_SECONDS[bucket] ?? 0)) bucket++;
    durations.counts[bucket] = (durations.counts[bucket] ?? 0) + 1;
  }

  /** Both series in Prometheus' text format 0.0.4. */
  text(): string {
    const lines = [`# HELP ${REQUESTS} Requests answered, by route, door and status`, `# TYPE ${REQUESTS} counter`];
    for (const [labels, count] of this.#requests) lines.push(`${REQUESTS}{${labels}} ${count}`);
    lines.push(`# HELP ${DURATION} From a request’s head to its answer’s end`, `# TYPE ${DURATION} histogram`);
    for (const [labels, { counts, seconds }] of this.#durations) {
      let total = 0;
      counts.forEach((count, index) => {
        total += count;
        lines.push(`${DURATION}_bucket{${labels},le="${BOUNDS_SECONDS[index] ?? '+Inf'}"} ${total}`);
      });
      lines.push(`${DURATION}_sum{${labels}} ${seconds}`, `${DURATION}_count{${labels}} ${total}`);
    }
    return `${lines.join('\n')}\n`;
  }
}
