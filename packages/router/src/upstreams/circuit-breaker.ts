import type { Clock } from './clock.ts';

/** `closed`: calls pass. `open`: none does. `half-open`: one may, to see whether they can again. */
export type BreakerState = 'closed' | 'open' | 'half-open';

/** When a breaker opens, and for how long. */
export interface BreakerOptions {
  /** Failures one after another that open it. */
  readonly failures: number;
  /** Share of failures among the last `window` calls that opens it, above 0, at most 1. */
  readonly ratio: number;
  /** Calls looked back at for `ratio`, which counts only once there were as many. */
  readonly window: number;
  /** How long it stays open the first time. */
  readonly openMs: number;
  /** Longest it stays open: the time doubles with every trial that fails. */
  readonly maxOpenMs: number;
}

/** Added to the time open at random, at most: routers that saw one failure together do not come back together. */
const JITTER = 0.2;
/** What a caller is told to wait while a trial is under way: nobody knows how long that takes. */
const TRIAL_RETRY_MS = 1_000;

/**
 * Keeps calls from a server that fails. Each call brings back the ticket it was given, so that one which began before
 * the breaker opened, and ends after, neither closes it nor keeps it open.
 */
export class CircuitBreaker {
  readonly #options: BreakerOptions;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  #opened = false;
  #openUntilMs = 0;
  #openMs: number;
  #trialUnderWay = false;
  #ticket = 0;
  #consecutiveFailures = 0;
  /** The last outcomes, 1 for a failure, written round and round. */
  readonly #outcomes: Uint8Array;
  #seen = 0;
  #failuresInWindow = 0;

  /** @param onChange called after it opened or closed */
  constructor(options: BreakerOptions, clock: Clock, onChange: () => void = () => {}) {
    this.#options = options;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#openMs = options.openMs;
    this.#outcomes = new Uint8Array(options.window);
  }

  get state(): BreakerState {
    if (!this.#opened) return 'closed';
    return this.#clock.nowMs() < this.#openUntilMs ? 'open' : 'half-open';
  }

  /** Milliseconds until a call may pass; 0: one may now. */
  get closedForMs(): number {
    if (!this.#opened) return 0;
    if (this.#trialUnderWay) return TRIAL_RETRY_MS;
    return Math.max(0, this.#openUntilMs - this.#clock.nowMs());
  }

  /** Lets a call pass, as the trial where the breaker is half-open. @returns its ticket, or null where none may pass */
  begin(): number | null {
    if (!this.#opened) return this.#ticket;
    if (this.closedForMs > 0) return null;
    this.#trialUnderWay = true;
    return this.#ticket;
  }

  /** A call's answer begins: enough of a trial, for a stream may go on for minutes and keep everybody else out. */
  answering(ticket: number): void {
    if (this.#opened && ticket === this.#ticket) this.close();
  }

  /** A call was answered. */
  succeeded(ticket: number): void {
    if (ticket !== this.#ticket) return;
    if (this.#opened) {
      this.close();
      return;
    }
    this.#consecutiveFailures = 0;
    this.#record(0);
  }

  /** A call failed, and the server is to blame. */
  failed(ticket: number): void {
    if (ticket !== this.#ticket) return;
    if (this.#opened) {
      this.#openMs = Math.min(this.#openMs * 2, this.#options.maxOpenMs);
      this.#open();
      return;
    }
    this.#consecutiveFailures++;
    this.#record(1);
    const { failures, ratio, window } = this.#options;
    const tooMany = this.#seen >= window && this.#failuresInWindow >= ratio * window;
    if (tooMany || this.#consecutiveFailures >= failures) this.#open();
  }

  /** A call ended without telling anything of the server: its caller went away. */
  abandoned(ticket: number): void {
    if (ticket === this.#ticket) this.#trialUnderWay = false;
  }

  /** Closes it, and forgets what was counted. */
  close(): void {
    const wasOpened = this.#opened;
    this.#opened = false;
    this.#openMs = this.#options.openMs;
    this.#startOver();
    if (wasOpened) this.#onChange();
  }

  #open(): void {
    this.#opened = true;
    this.#openUntilMs = this.#clock.nowMs() + this.#openMs * (1 + JITTER * this.#clock.random());
    this.#startOver();
    this.#onChange();
  }

  #startOver(): void {
    this.#ticket++;
    this.#trialUnderWay = false;
    this.#consecutiveFailures = 0;
    this.#outcomes.fill(0);
    this.#seen = 0;
    this.#failuresInWindow = 0;
  }

  #record(outcome: 0 | 1): void {
    const at = this.#seen % this.#outcomes.length;
    this.#failuresInWindow += outcome - (this.#outcomes[at] ?? 0);
    this.#outcomes[at] = outcome;
    this.#seen++;
  }
}
