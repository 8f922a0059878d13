import type { MetricSnapshot } from '../metrics/metric-snapshot.ts';
import type { ToPrimary, ToWorker } from './messages.ts';

/** A worker's way to the metrics of the other workers: through the primary process. */
export class SharedMetrics {
  readonly #tell: (message: ToPrimary) => void;
  readonly #waiting = new Map<number, (processes: readonly (readonly MetricSnapshot[])[]) => void>();
  #calls = 0;

  constructor(tell: (message: ToPrimary) => void) {
    this.#tell = tell;
  }

  /** The metrics of all other processes; `own` are those of this one. */
  gather(own: readonly MetricSnapshot[]): Promise<readonly (readonly MetricSnapshot[])[]> {
    const call = this.#calls++;
    return new Promise((resolve) => {
      this.#waiting.set(call, resolve);
      this.#tell({ sotto: 'metrics-gather', call, own });
    });
  }

  /** Takes what the primary gathered. */
  settle({ call, processes }: Extract<ToWorker, { sotto: 'metrics-gathered' }>): void {
    this.#waiting.get(call)?.(processes);
    this.#waiting.delete(call);
  }
}
