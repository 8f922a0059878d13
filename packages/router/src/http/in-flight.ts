import { apiError } from '@sotto/protocol';
import type { Exchange, Handler } from './exchange.ts';

const HEALTH_PATH = '/health';

/** Counts the requests under way, holds them to a cap, and tells when the last one is over. */
export class InFlight {
  readonly #max: number;
  #count = 0;
  #drained: (() => void) | null = null;
  #draining = false;

  constructor(max: number) {
    this.#max = max;
  }

  /** Whether new requests are refused. */
  get draining(): boolean {
    return this.#draining;
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
    if (this.#draining) {
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
    this.#count++;
    try {
      await handler(exchange);
    } finally {
      this.#count--;
      if (this.#count === 0) this.#drained?.();
    }
  }

  /** Requests under way. */
  get count(): number {
    return this.#count;
  }

  /** Refuses what comes from now on. Settles when what is under way is over. */
  drain(): Promise<void> {
    this.#draining = true;
    if (this.#count === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drained = resolve;
    });
  }
}
