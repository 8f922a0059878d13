/** A task that will run later. */
export interface Alarm {
  /** Keeps the task from running; without effect once it has run. */
  cancel(): void;
}

/** Time, as what waits and measures here sees it: tests bring their own. */
export interface Clock {
  /** Milliseconds that only go forward, from an unspecified beginning. */
  nowMs(): number;
  /** Milliseconds since the Unix epoch. */
  unixMs(): number;
  /** Runs `task` once, after `delayMs`. Does not keep the process alive. */
  after(delayMs: number, task: () => void): Alarm;
  /** A number from 0 to 1, below 1, for spreading in time. */
  random(): number;
}

/** The platform's time. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  unixMs: () => Date.now(),
  after: (delayMs, task) => {
    const timer = setTimeout(task, delayMs).unref();
    return { cancel: () => clearTimeout(timer) };
  },
  random: () => Math.random(),
};
