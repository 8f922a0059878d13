import type { Alarm, Clock } from './clock.ts';

/** How many may wait, and how long. */
export interface WaitingLineOptions {
  readonly max: number;
  readonly deadlineMs: number;
}

/**
 * Those who wait for a place, in the order they came. All have the same time to wait, so who came first is also the
 * first whose time is over, and one alarm, for the first, is enough.
 */
export class WaitingLine<Waiter> {
  readonly #options: WaitingLineOptions;
  readonly #onDeadline: (waiter: Waiter) => void;
  readonly #clock: Clock;
  /** Each with the moment its time is over. */
  readonly #deadlines = new Map<Waiter, number>();
  #alarm: Alarm | null = null;

  /** @param onDeadline called with each whose time is over; it has left the line by then */
  constructor(options: WaitingLineOptions, onDeadline: (waiter: Waiter) => void, clock: Clock) {
    this.#options = options;
    this.#onDeadline = onDeadline;
    this.#clock = clock;
  }

  /** How many wait. */
  get length(): number {
    return this.#deadlines.size;
  }

  /** Puts one at the end. @returns false where the line is full */
  join(waiter: Waiter): boolean {
    if (this.#deadlines.size >= this.#options.max) return false;
    this.#deadlines.set(waiter, this.#clock.nowMs() + this.#options.deadlineMs);
    this.#alarm ??= this.#clock.after(this.#options.deadlineMs, () => this.#expire());
    return true;
  }

  /** Takes one out, wherever it stands. */
  leave(waiter: Waiter): void {
    this.#deadlines.delete(waiter);
    this.#stopWhenEmpty();
  }

  /** Takes the first out. */
  next(): Waiter | undefined {
    for (const waiter of this.#deadlines.keys()) {
      this.leave(waiter);
      return waiter;
    }
    return undefined;
  }

  #stopWhenEmpty(): void {
    if (this.#deadlines.size > 0) return;
    this.#alarm?.cancel();
    this.#alarm = null;
  }

  #expire(): void {
    this.#alarm = null;
    const nowMs = this.#clock.nowMs();
    const late: Waiter[] = [];
    for (const [waiter, deadlineMs] of this.#deadlines) {
      if (deadlineMs > nowMs) {
        this.#alarm = this.#clock.after(deadlineMs - nowMs, () => this.#expire());
        break;
      }
      late.push(waiter);
    }
    for (const waiter of late) this.#deadlines.delete(waiter);
    for (const waiter of late) this.#onDeadline(waiter);
  }
}
