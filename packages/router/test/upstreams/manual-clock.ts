import type { Alarm, Clock } from '../../src/upstreams/clock.ts';

/** Time that goes on when a test says so. */
export class ManualClock implements Clock {
  /** What `random` gives. */
  chance = 0;
  #nowMs = 0;
  readonly #alarms = new Set<{ readonly atMs: number; readonly task: () => void }>();

  /** Tasks that wait for their time. */
  get pending(): number {
    return this.#alarms.size;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  unixMs(): number {
    return 1_700_000_000_000 + this.#nowMs;
  }

  random(): number {
    return this.chance;
  }

  after(delayMs: number, task: () => void): Alarm {
    const alarm = { atMs: this.#nowMs + delayMs, task };
    this.#alarms.add(alarm);
    return { cancel: () => void this.#alarms.delete(alarm) };
  }

  /** Lets time pass; what is due runs at its own moment, the earliest first. */
  advance(byMs: number): void {
    const endMs = this.#nowMs + byMs;
    for (;;) {
      const [next] = [...this.#alarms].filter(({ atMs }) => atMs <= endMs).sort((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#alarms.delete(next);
      this.#nowMs = next.atMs;
      next.task();
    }
    this.#nowMs = endMs;
  }
}
