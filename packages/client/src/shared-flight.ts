interface Flight<T> {
  readonly result: Promise<T>;
  readonly controller: AbortController;
  waiters: number;
}

/**
 * One piece of work that many wait for: it starts with the first waiter, its result goes to all, and it is
 * stopped when the last of them has given up, so that one caller's abort never fails another's request.
 */
export class SharedFlight<T> {
  readonly #work: (signal: AbortSignal) => Promise<T>;
  #current: Flight<T> | null = null;

  constructor(work: (signal: AbortSignal) => Promise<T>) {
    this.#work = work;
  }

  /** Waits for the work under way, or starts it. Rejects with the reason of `signal` when that aborts. */
  async join(signal: AbortSignal): Promise<T> {
    signal.throwIfAborted();
    this.#current ??= this.#start();
    const flight = this.#current;
    flight.waiters++;
    let abandon: () => void = () => undefined;
    const abandoned = new Promise<never>((_, reject) => {
      abandon = () => reject(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
    });
    signal.addEventListener('abort', abandon, { once: true });
    try {
      return await Promise.race([flight.result, abandoned]);
    } finally {
      signal.removeEventListener('abort', abandon);
      flight.waiters--;
      if (flight.waiters === 0) {
        if (this.#current === flight) this.#current = null;
        // No effect where the work is done already.
        flight.controller.abort();
      }
    }
  }

  #start(): Flight<T> {
    const controller = new AbortController();
    const result = this.#work(controller.signal);
    return { result, controller, waiters: 0 };
  }
}
