/** Between a worker's death and its successor's birth; doubled for each that dies young, one after another. */
const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 30_000;
/** Who lived shorter than this died young. */
const YOUNG_MS = 10_000;
/** So many young deaths one after another are no accident. */
const LOOP_DEATHS = 5;

/** What comes of a death. */
export interface Restart {
  readonly delayMs: number;
  /** Workers that died young, one after another, this one included. */
  readonly youngDeaths: number;
  /** Whether they die as soon as they start: told once a row. */
  readonly isLoop: boolean;
}

/** How soon a worker that died is replaced: workers that cannot live must not keep the machine busy with dying. */
export class RestartPace {
  #youngDeaths = 0;

  /** @param livedMs how long the worker lived */
  died(livedMs: number): Restart {
    this.#youngDeaths = livedMs < YOUNG_MS ? this.#youngDeaths + 1 : 0;
    const doublings = Math.max(0, this.#youngDeaths - 1);
    return {
      delayMs: Math.min(FIRST_DELAY_MS * 2 ** doublings, LONGEST_DELAY_MS),
      youngDeaths: this.#youngDeaths,
      isLoop: this.#youngDeaths === LOOP_DEATHS,
    };
  }
}
