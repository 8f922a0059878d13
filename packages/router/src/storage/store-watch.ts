import { apiError } from '@sotto/protocol';
import type { Store } from './store.ts';

/** What a watch needs; the times have defaults. */
export interface StoreWatchOptions {
  readonly store: Pick<Store, 'ping'>;
  /** Called when it is noticed that the store has gone. */
  readonly onAway: (error: unknown) => void;
  /** Called when it is noticed that the store is back. */
  readonly onBack: () => void;
  readonly everyMs?: number;
  /** A store that takes longer than this for a sign of life is away. */
  readonly answerMs?: number;
}

const EVERY_MS = 2_000;
const ANSWER_MS = 1_000;

/**
 * Knows whether the store is there, so that nobody has to wait to find out: a probe of the router's own readiness must
 * not hang with a database that does.
 */
export class StoreWatch {
  readonly #options: StoreWatchOptions;
  readonly #timer: NodeJS.Timeout;
  #up = true;
  #pinging: Promise<void> | null = null;
  #closed = false;

  /** Begins with a store that has just been opened. */
  constructor(options: StoreWatchOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.look(), options.everyMs ?? EVERY_MS).unref();
  }

  /** Whether it gave its last sign of life in time. */
  get isUp(): boolean {
    return this.#up;
  }

  /** Asks for a sign of life, and waits for it as long as one may take. @returns whether it came */
  async look(): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      const error = apiError('store_unavailable', 'the database gives no sign of life: try again later');
      timer = setTimeout(() => reject(error), this.#options.answerMs ?? ANSWER_MS);
    });
    try {
      await Promise.race([this.#ping(), late]);
      this.#learn(null);
      return true;
    } catch (error) {
      this.#learn(error);
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#timer);
  }

  /** One at a time: those that hang do not pile up. */
  #ping(): Promise<void> {
    this.#pinging ??= this.#options.store.ping().finally(() => {
      this.#pinging = null;
    });
    return this.#pinging;
  }

  #learn(fault: unknown): void {
    const isUp = fault === null;
    if (this.#closed || isUp === this.#up) return;
    this.#up = isUp;
    if (isUp) this.#options.onBack();
    else this.#options.onAway(fault);
  }
}
