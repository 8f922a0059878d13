import { ApiFailure } from './api-failure.ts';

/** After a failure before anything was brought, doubled each time. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

/** What is asked for again and again. */
export interface PollOptions<Value> {
  /** How long to wait for the next time, after what was brought this time. */
  readonly everyMs: number | ((value: Value) => number);
  readonly load: (signal: AbortSignal) => Promise<Value>;
  readonly onValue: (value: Value) => void;
  /** Told of a failure, and in how many milliseconds comes the next try. */
  readonly onFailure: (error: unknown, nextMs: number) => void;
}

/** Asks again and again: less often while that fails, and not at all while nobody sees the page. */
export class Poller<Value> {
  readonly #options: PollOptions<Value>;
  readonly #stopped = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** The round under way; what an earlier one brings is out of date. */
  #round = 0;
  #failures = 0;
  #waitMs = FIRST_WAIT_MS;

  constructor(options: PollOptions<Value>) {
    this.#options = options;
    const { signal } = this.#stopped;
    document.addEventListener('visibilitychange', () => this.#onVisibility(), { signal });
    void this.refresh();
  }

  /** Asks now. Settles when that is over, however it ended. */
  async refresh(): Promise<void> {
    clearTimeout(this.#timer);
    this.#round += 1;
    const round = this.#round;
    const { signal } = this.#stopped;
    const { load, onValue, onFailure, everyMs } = this.#options;
    try {
      const value = await load(signal);
      if (signal.aborted || round !== this.#round) return;
      this.#failures = 0;
      onValue(value);
      this.#waitMs = typeof everyMs === 'number' ? everyMs : everyMs(value);
      this.#again(this.#waitMs);
    } catch (error) {
      if (signal.aborted || round !== this.#round) return;
      const nextMs = this.#backoff(error);
      onFailure(error, nextMs);
      this.#again(nextMs);
    }
  }

  /** Ends it: nothing is called from here on. */
  stop(): void {
    clearTimeout(this.#timer);
    this.#stopped.abort();
  }

  #again(waitMs: number): void {
    if (document.hidden || this.#stopped.signal.aborted) return;
    this.#timer = setTimeout(() => void this.refresh(), waitMs);
  }

  #backoff(error: unknown): number {
    this.#failures += 1;
    const doubled = Math.min(this.#waitMs * 2 ** this.#failures, LONGEST_WAIT_MS);
    const asked = error instanceof ApiFailure ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(doubled, asked);
  }

  #onVisibility(): void {
    if (document.hidden) clearTimeout(this.#timer);
    else void this.refresh();
  }
}
