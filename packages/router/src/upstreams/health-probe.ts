import type { Alarm, Clock } from './clock.ts';
import type { UpstreamAnswer } from './collect-answer.ts';
import type { UpstreamHealth } from './upstream-health.ts';

/** What a probe is made of. */
export interface HealthProbeOptions {
  readonly intervalMs: number;
  /** Asks the upstream, past its line and its breaker; rejects where no answer comes in time. */
  readonly ask: () => Promise<UpstreamAnswer>;
  readonly health: UpstreamHealth;
  readonly clock: Clock;
}

/** Probes in a row that must fail: one may be lost on a busy network. */
const FAILURES_TO_UNHEALTHY = 2;
/** An interval is that much shorter or longer, at random, at most: probes of many routers are spread. */
const JITTER = 0.2;

/**
 * Asks an upstream again and again whether it is there. The first time after one interval: until then it counts as
 * healthy, and its calls tell.
 */
export class HealthProbe {
  readonly #options: HealthProbeOptions;
  #alarm: Alarm | null = null;
  #stopped = false;
  #failures = 0;

  constructor(options: HealthProbeOptions) {
    this.#options = options;
  }

  /** @param isFull whether all places at the upstream are taken */
  start(isFull: () => boolean): void {
    if (this.#stopped) return;
    const { clock, intervalMs } = this.#options;
    const delayMs = intervalMs * (1 + JITTER * (2 * clock.random() - 1));
    this.#alarm = clock.after(delayMs, () => void this.#next(isFull));
  }

  /** Probes no more. */
  stop(): void {
    this.#stopped = true;
    this.#alarm?.cancel();
  }

  /** One after another, and none while all places are taken: it would wait for one, and time out. The calls tell then. */
  async #next(isFull: () => boolean): Promise<void> {
    if (!isFull()) await this.#probe();
    this.start(isFull);
  }

  async #probe(): Promise<void> {
    const { ask, health } = this.#options;
    const status = await ask().then(
      (answer) => answer.status,
      () => null,
    );
    if (this.#stopped) return;
    health.probed(status);
    // 401, 403 and 404 come from a server that is there, and so does 501: only its `probeStatus` tells.
    this.#failures = status !== null && (status < 500 || status === 501) ? 0 : this.#failures + 1;
    if (this.#failures === 0) health.setHealthy(true);
    else if (this.#failures >= FAILURES_TO_UNHEALTHY) health.setHealthy(false);
  }
}
