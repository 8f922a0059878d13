import { type BreakerOptions, CircuitBreaker } from './circuit-breaker.ts';
import type { Clock } from './clock.ts';
import type { UpstreamState } from './upstream-state.ts';

/** Longest an upstream's own Retry-After is heeded; a wrong one must not shut it out for a day. */
const MAX_REST_MS = 60_000;
/** Weight of a new call in the mean time to the first byte. */
const NEW_CALL_WEIGHT = 0.1;
/** A ticket for calls past no breaker. */
const NO_BREAKER = 0;

/** What is known of an upstream's health: by its calls, by its probes, and by what it says itself. */
export class UpstreamHealth {
  readonly #breaker: CircuitBreaker | null;
  readonly #clock: Clock;
  #healthy = true;
  #restUntilMs = 0;
  #served = 0;
  #failed = 0;
  #resent = 0;
  #consecutiveFailures = 0;
  #lastFailureCode: string | null = null;
  #lastChangeMs: number;
  #averageFirstByteMs: number | null = null;
  #probeStatus: number | null = null;
  /** Told when `healthy` or the breaker has changed. */
  onChange: () => void = () => {};

  /** @param breaker null: its failures keep nobody from it */
  constructor(breaker: BreakerOptions | null, clock: Clock) {
    this.#breaker = breaker === null ? null : new CircuitBreaker(breaker, clock, () => this.#changed());
    this.#clock = clock;
    this.#lastChangeMs = clock.unixMs();
  }

  /** What its probes say; true where it is not probed. */
  get healthy(): boolean {
    return this.#healthy;
  }

  /** Milliseconds for which it takes no new calls; 0: it takes them. */
  get closedForMs(): number {
    const restMs = this.#restUntilMs === 0 ? 0 : Math.max(0, this.#restUntilMs - this.#clock.nowMs());
    return Math.max(restMs, this.#breaker?.closedForMs ?? 0);
  }

  /** Lets a call pass. @returns what to bring back when it is over, or null where none may pass */
  begin(): number | null {
    if (this.#restUntilMs !== 0) {
      if (this.#restUntilMs > this.#clock.nowMs()) return null;
      this.#restUntilMs = 0;
    }
    return this.#breaker === null ? NO_BREAKER : this.#breaker.begin();
  }

  /** A call's answer began, `afterMs` after the call. */
  firstByte(afterMs: number): void {
    const mean = this.#averageFirstByteMs;
    this.#averageFirstByteMs = mean === null ? afterMs : mean + (afterMs - mean) * NEW_CALL_WEIGHT;
  }

  /** The answer that began is none of a failing upstream. */
  answering(ticket: number): void {
    this.#breaker?.answering(ticket);
  }

  /** A call was answered. */
  succeeded(ticket: number): void {
    this.#served++;
    this.#consecutiveFailures = 0;
    this.#breaker?.succeeded(ticket);
  }

  /** A call failed, and the upstream is to blame. */
  failed(ticket: number, code: string): void {
    this.#failed++;
    this.#consecutiveFailures++;
    this.#lastFailureCode = code;
    this.#breaker?.failed(ticket);
  }

  /** A call was sent once more, over a fresh connection. */
  resent(): void {
    this.#resent++;
  }

  /** A call ended without telling anything of the upstream. */
  abandoned(ticket: number): void {
    this.#breaker?.abandoned(ticket);
  }

  /** The upstream asked to be left alone for a while: at most a minute is granted. */
  rest(forMs: number): void {
    this.#restUntilMs = Math.max(this.#restUntilMs, this.#clock.nowMs() + Math.min(forMs, MAX_REST_MS));
  }

  /** A probe was answered. */
  probed(status: number | null): void {
    this.#probeStatus = status;
  }

  /**
   * Its probes failed, or a probe was answered again. Coming back closes the breaker. A probe of an upstream that
   * never was unhealthy does not: a server that lists its models and fails at answering would be let in too early.
   */
  setHealthy(healthy: boolean): void {
    if (healthy === this.#healthy) return;
    this.#healthy = healthy;
    this.#changed();
    if (healthy) this.#breaker?.close();
  }

  /** What it knows, to be told. */
  snapshot(): Omit<UpstreamState, 'name' | 'tier' | 'class' | 'underWay' | 'waiting'> {
    return {
      healthy: this.#healthy,
      breaker: this.#breaker?.state ?? 'closed',
      closedForMs: this.closedForMs,
      served: this.#served,
      failed: this.#failed,
      resent: this.#resent,
      consecutiveFailures: this.#consecutiveFailures,
      lastFailureCode: this.#lastFailureCode,
      lastChangeMs: this.#lastChangeMs,
      averageFirstByteMs: this.#averageFirstByteMs,
      probeStatus: this.#probeStatus,
    };
  }

  #changed(): void {
    this.#lastChangeMs = this.#clock.unixMs();
    this.onChange();
  }
}
