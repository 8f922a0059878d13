import { apiError } from '@sotto/protocol';
import type { Exchange, Handler } from './exchange.ts';

const HEALTH_PATH = '/health';

/** Requests that began between two changes of the configuration. */
interface Batch {
  count: number;
  readonly over: Promise<void>;
  readonly end: () => void;
}

/** Counts the requests under way, holds them to a cap, and tells when they are over. */
export class InFlight {
  #max: number;
  #count = 0;
  #state: 'open' | 'leaving' | 'draining' = 'open';
  #batch = newBatch();
  /** Batches with requests under way, the present one not among them. */
  readonly #earlier = new Set<Batch>();

  constructor(max: number) {
    this.#max = max;
  }

  /** Whether the router is about to end: probes are told so. */
  get leaving(): boolean {
    return this.#state !== 'open';
  }

  /** Requests under way. */
  get count(): number {
    return this.#count;
  }

  /** Has the cap be another from now on. */
  limitTo(max: number): void {
    this.#max = max;
  }

  /**
   * Has a request answered.
   * @throws ServiceUnavailableError `shutting_down`, `overloaded`
   */
  async run(exchange: Exchange, handler: Handler): Promise<void> {
    // Probes must learn of a shutdown, not be turned away by it.
    if (exchange.request.path.startsWith(HEALTH_PATH)) {
      await handler(exchange);
      return;
    }
    this.#admit();
    const batch = this.#batch;
    this.#count++;
    batch.count++;
    try {
      await handler(exchange);
    } finally {
      this.#count--;
      batch.count--;
      if (batch.count === 0 && batch !== this.#batch) this.#close(batch);
    }
  }

  /** Settles when the requests under way at this moment are over, whatever comes after them. */
  async settled(): Promise<void> {
    const present = this.#batch;
    this.#batch = newBatch();
    this.#earlier.add(present);
    if (present.count === 0) this.#close(present);
    await Promise.all([...this.#earlier].map(({ over }) => over));
  }

  /** Has probes told that the router will end; requests are answered as before. */
  leave(): void {
    if (this.#state === 'open') this.#state = 'leaving';
  }

  /** Refuses what comes from now on. Settles when what is under way is over. */
  drain(): Promise<void> {
    this.#state = 'draining';
    return this.settled();
  }

  #admit(): void {
    if (this.#state === 'draining') {
      throw apiError('shutting_down', 'the router is shutting down: try again', {
        retryAfterMs: 1_000,
        headers: { connection: 'close' },
      });
    }
    if (this.#count >= this.#max) {
      throw apiError('overloaded', 'the router has too many requests under way: try again shortly', {
        retryAfterMs: 1_000,
      });
    }
  }

  #close(batch: Batch): void {
    this.#earlier.delete(batch);
    batch.end();
  }
}

function newBatch(): Batch {
  let end = (): void => {};
  const over = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { count: 0, over, end };
}
