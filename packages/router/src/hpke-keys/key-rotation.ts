import { type GenerationSeed, nextSeed, type RotationPeriods } from './key-generation.ts';

/** Longest delay that `setTimeout` keeps; beyond it, it fires at once. */
export const MAX_TIMER_MS = 2_147_483_647;

/**
 * How often the clock on the wall is looked at. Timers go by the time that has passed: behind a machine's sleep, or a
 * clock that was set forward, all keys can be over long before the next timer.
 */
export const CLOCK_CHECK_MS = 10_000;

/** Makes a new generation of keys when one is due, and hands its seed to whoever serves with it. */
export class KeyRotation {
  readonly #periods: RotationPeriods;
  readonly #onSeed: (seed: GenerationSeed) => Promise<void> | void;
  #live: readonly GenerationSeed[] = [];
  /** The last seed without its secrets: ids and epochs go on from it, however long ago its keys were destroyed. */
  #last: Pick<GenerationSeed, 'firstKeyId' | 'epoch'> | null = null;
  #rotationTimer: NodeJS.Timeout | undefined;
  #destructionTimer: NodeJS.Timeout | undefined;

  constructor(periods: RotationPeriods, onSeed: (seed: GenerationSeed) => Promise<void> | void) {
    this.#periods = periods;
    this.#onSeed = onSeed;
  }

  /** The seeds that are still in use, oldest first: for a process that comes to share them. */
  get live(): readonly GenerationSeed[] {
    const now = Date.now();
    this.#live = this.#live.filter((seed) => seed.destroyAtMs > now);
    return this.#live;
  }

  /** Makes the next generation now; the one before is still opened for the overlap. */
  async rotate(): Promise<void> {
    const now = Date.now();
    // The last generation ends early: its overlap begins now.
    const earlier = this.live.map((seed) => ({
      ...seed,
      destroyAtMs: Math.min(seed.destroyAtMs, now + this.#periods.overlapMs),
    }));
    const seed = nextSeed(this.#last, this.#periods, now);
    this.#last = { firstKeyId: seed.firstKeyId, epoch: seed.epoch };
    this.#live = [...earlier, seed];
    await this.#onSeed(seed);
    this.#rotateIn(this.#periods.rotationMs, seed.rotateAtMs);
    this.#destroyInTime();
  }

  /**
   * The generation that is to take the place of all others, which nobody has to keep for an overlap.
   * @returns its seed, and what makes it the only one from then on
   */
  prepareSole(): { readonly seed: GenerationSeed; readonly commit: () => void } {
    const seed = nextSeed(this.#last, this.#periods, Date.now());
    const commit = (): void => {
      this.#last = { firstKeyId: seed.firstKeyId, epoch: seed.epoch };
      this.#live = [seed];
      this.#rotateIn(this.#periods.rotationMs, seed.rotateAtMs);
      this.#destroyInTime();
    };
    return { seed, commit };
  }

  /** Makes no more generations, and forgets the seeds of those that are. */
  stop(): void {
    clearTimeout(this.#rotationTimer);
    clearTimeout(this.#destructionTimer);
    this.#live = [];
  }

  /** Rotates when the period has passed, or when the clock says that it has: whichever comes first. */
  #rotateIn(delayMs: number, rotateAtMs: number): void {
    clearTimeout(this.#rotationTimer);
    const stepMs = Math.min(delayMs, CLOCK_CHECK_MS);
    const isDue = (): boolean => stepMs >= delayMs || Date.now() >= rotateAtMs;
    const next = (): void => (isDue() ? void this.rotate() : this.#rotateIn(delayMs - stepMs, rotateAtMs));
    this.#rotationTimer = setTimeout(next, stepMs).unref();
  }

  /** Who has a seed has its keys: it goes when they go, not when somebody next asks. */
  #destroyInTime(): void {
    clearTimeout(this.#destructionTimer);
    const [oldest] = this.live;
    if (oldest === undefined) return;
    const delayMs = Math.min(oldest.destroyAtMs - Date.now(), MAX_TIMER_MS);
    this.#destructionTimer = setTimeout(() => this.#destroyInTime(), delayMs).unref();
  }
}
