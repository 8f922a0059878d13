import { type GenerationSeed, nextSeed, type RotationPeriods } from './key-generation.ts';

/** Longest delay that `setTimeout` keeps; beyond it, it fires at once. */
const MAX_TIMER_MS = 2_147_483_647;

/** Makes a new generation of keys when one is due, and hands its seed to whoever serves with it. */
export class KeyRotation {
  readonly #periods: RotationPeriods;
  readonly #onSeed: (seed: GenerationSeed) => Promise<void> | void;
  #live: readonly GenerationSeed[] = [];
  #timer: NodeJS.Timeout | null = null;

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
    const seed = nextSeed(earlier.at(-1) ?? null, this.#periods, now);
    this.#live = [...earlier, seed];
    await this.#onSeed(seed);
    this.#schedule(seed.rotateAtMs - now);
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #schedule(delayMs: number): void {
    this.stop();
    this.#timer = setTimeout(() => void this.rotate(), Math.min(delayMs, MAX_TIMER_MS));
    this.#timer.unref();
  }
}
