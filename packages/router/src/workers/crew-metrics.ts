import { joinSnapshots, type MetricSnapshot } from '../metrics/metric-snapshot.ts';

/** A worker that is busy answers late: until then what it told last stands for it. */
const PATIENCE_MS = 1_000;

interface Question {
  readonly open: Set<number>;
  readonly settle: () => void;
}

/**
 * The primary's view of what its workers count. Whichever worker is asked for the metrics gets those of the others
 * here; what one counted that has since died goes on counting, so that no total ever shrinks.
 */
export class CrewMetrics {
  /** By the worker's id in the cluster: what it told last. */
  readonly #last = new Map<number, readonly MetricSnapshot[]>();
  readonly #questions = new Map<number, Question>();
  readonly #ask: (worker: number, call: number) => void;
  #departed: Promise<readonly MetricSnapshot[]> = Promise.resolve([]);
  #calls = 0;
  #restarts = 0;

  /** @param ask has a worker tell its metrics, for {@link CrewMetrics.told} */
  constructor(ask: (worker: number, call: number) => void) {
    this.#ask = ask;
  }

  /** A worker serves from now on. */
  joined(worker: number): void {
    this.#last.set(worker, []);
  }

  /** A worker has died. */
  left(worker: number): void {
    const counts = (this.#last.get(worker) ?? []).filter(({ type }) => type === 'counter' || type === 'histogram');
    if (this.#last.delete(worker)) this.#restarts++;
    this.#departed = this.#departed.then((departed) => joinSnapshots([departed, counts]));
    for (const call of this.#questions.keys()) this.#answered(worker, call);
  }

  /** A worker told its metrics, as it was asked. */
  told(worker: number, call: number, snapshots: readonly MetricSnapshot[]): void {
    if (this.#last.has(worker)) this.#last.set(worker, snapshots);
    this.#answered(worker, call);
  }

  /** The metrics of all processes but the worker that asks, whose own are `own`. */
  async gather(asker: number, own: readonly MetricSnapshot[]): Promise<readonly (readonly MetricSnapshot[])[]> {
    if (this.#last.has(asker)) this.#last.set(asker, own);
    const others = [...this.#last.keys()].filter((worker) => worker !== asker);
    if (others.length > 0) await this.#askAll(others);
    const told = others.map((worker) => this.#last.get(worker) ?? []);
    return [...told, await this.#departed, this.#ownMetrics()];
  }

  #askAll(workers: readonly number[]): Promise<void> {
    const call = this.#calls++;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#questions.get(call)?.settle(), PATIENCE_MS);
      const settle = (): void => {
        clearTimeout(timer);
        this.#questions.delete(call);
        resolve();
      };
      this.#questions.set(call, { open: new Set(workers), settle });
      for (const worker of workers) this.#ask(worker, call);
    });
  }

  #answered(worker: number, call: number): void {
    const question = this.#questions.get(call);
    if (question === undefined) return;
    question.open.delete(worker);
    if (question.open.size === 0) question.settle();
  }

  #ownMetrics(): readonly MetricSnapshot[] {
    const metric = (name: string, help: string, type: 'counter' | 'gauge', value: number): MetricSnapshot => ({
      name,
      help,
      type,
      aggregator: 'sum',
      values: [{ labels: {}, value }],
    });
    return [
      metric('sotto_workers', 'Worker processes that serve', 'gauge', this.#last.size),
      metric('sotto_worker_restarts_total', 'Worker processes that died', 'counter', this.#restarts),
    ];
  }
}
