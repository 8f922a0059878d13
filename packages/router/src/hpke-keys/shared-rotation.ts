import { type GenerationSeed, nextSeed, type RotationPeriods, succeedingSeed } from './key-generation.ts';

/** How often the board is read, a lost word of it made up for, and the clock on the wall looked at. */
const CHECK_MS = 5_000;
/** A generation is listed this much after it was made, so that all who share it have it by then. */
const AHEAD_MS = 2_000;
/** Longest time by which a generation may come late before all derive one by themselves. */
const MAX_GRACE_MS = 60_000;

/** Where those who share keys put up their generations. All of it may fail while it cannot be reached. */
export interface GenerationBoard {
  /** Those that are still in use, in any order. */
  read(): Promise<readonly GenerationSeed[]>;
  /**
   * Puts up the generation after that with the epoch `after`, unless somebody else has, and tells the others.
   * @returns whether it is up
   */
  post(seed: GenerationSeed, after: number | null): Promise<boolean>;
  /** Puts up again what the board has lost. */
  restore(seeds: readonly GenerationSeed[]): Promise<void>;
}

/** What a shared rotation is made of. */
export interface SharedRotationOptions {
  readonly board: GenerationBoard;
  readonly periods: RotationPeriods;
  /** Told of each generation that comes into use. */
  readonly onSeed: (seed: GenerationSeed) => Promise<void> | void;
  readonly now?: () => number;
}

/**
 * Rotates keys together with others that have the same board. Whoever is first makes the next generation, and the others
 * take it over. While the board cannot be reached, all derive the same next one from the last, and make a new one as
 * soon as it is back.
 */
export class SharedRotation {
  readonly #options: SharedRotationOptions;
  readonly #graceMs: number;
  readonly #known = new Set<string>();
  #live: readonly GenerationSeed[] = [];
  /** The last seed without its secrets: ids and epochs go on from it, however long ago its keys were destroyed. */
  #last: Pick<GenerationSeed, 'firstKeyId' | 'epoch'> | null = null;
  /** Whether the newest generation follows from the one before it. */
  #derived = false;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: SharedRotationOptions) {
    this.#options = options;
    this.#graceMs = Math.min(MAX_GRACE_MS, options.periods.overlapMs / 2);
  }

  /** The seeds that are still in use, oldest first. */
  get live(): readonly GenerationSeed[] {
    const now = this.#now();
    this.#live = this.#live.filter((seed) => seed.destroyAtMs > now);
    return this.#live;
  }

  /** Takes over the generations of the others, or makes the first one. @throws where the board cannot be reached */
  async start(): Promise<void> {
    await this.#inTurn(async () => {
      await this.#adopt(await this.#options.board.read());
      if (this.#newest === null) await this.#make(this.#now());
      if (this.#newest === null) throw new RangeError('nobody has put up a generation');
    });
    this.#tickIn();
  }

  /** Makes the next generation now. @throws where the board cannot be reached */
  rotate(): Promise<void> {
    return this.#inTurn(async () => {
      // First, so that it follows the newest that is up.
      await this.#adopt(await this.#options.board.read());
      await this.#make(this.#now() + AHEAD_MS);
    });
  }

  /** Reads the board anew, puts up what it has lost, and rotates where that is due. Never rejects. */
  sync(): Promise<void> {
    return this.#inTurn(() => this.#sync().catch(() => this.#deriveIfDue()));
  }

  /** Takes no more part, and forgets the seeds. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#live = [];
  }

  get #newest(): GenerationSeed | null {
    return this.live.at(-1) ?? null;
  }

  #now(): number {
    return (this.#options.now ?? Date.now)();
  }

  async #sync(): Promise<void> {
    const { board } = this.#options;
    const up = await board.read();
    const ids = new Set(up.map(idOf));
    await this.#adopt(up);
    const lost = this.live.filter((seed) => !ids.has(idOf(seed)));
    if (lost.length > 0) await board.restore(lost);
    const newest = this.#newest;
    if (newest === null || this.#derived || this.#now() >= newest.rotateAtMs) await this.#make(this.#now() + AHEAD_MS);
  }

  async #make(madeAtMs: number): Promise<void> {
    const { board, periods } = this.#options;
    const newest = this.#newest;
    const seed = nextSeed(this.#last, periods, madeAtMs);
    await this.#adopt((await board.post(seed, newest?.epoch ?? null)) ? [seed] : await board.read());
  }

  /** Without the board: the generation that all others derive too. It is listed when the grace is over. */
  async #deriveIfDue(): Promise<void> {
    const newest = this.#newest;
    if (newest === null || this.#now() < newest.rotateAtMs) return;
    await this.#adopt([succeedingSeed(newest, this.#options.periods, this.#graceMs)]);
    this.#derived = true;
  }

  async #adopt(seeds: readonly GenerationSeed[]): Promise<void> {
    const now = this.#now();
    for (const seed of [...seeds].sort((one, other) => one.epoch - other.epoch)) {
      if (this.#stopped || seed.destroyAtMs <= now || this.#known.has(idOf(seed))) continue;
      this.#known.add(idOf(seed));
      this.#live = [...this.#live, seed].sort((one, other) => one.epoch - other.epoch);
      if (this.#newest === seed) {
        this.#derived = false;
        this.#last = { firstKeyId: seed.firstKeyId, epoch: seed.epoch };
      }
      await this.#options.onSeed(seed);
    }
  }

  #tickIn(): void {
    if (this.#stopped) return;
    const untilDue = (this.#newest?.rotateAtMs ?? 0) - this.#now();
    const delayMs = Math.min(Math.max(untilDue, AHEAD_MS), CHECK_MS);
    this.#timer = setTimeout(() => void this.sync().finally(() => this.#tickIn()), delayMs).unref();
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => {});
    return turn;
  }
}

/** A generation's name: what was made with the board and what was derived without it never have the same ids. */
export function idOf({ epoch, firstKeyId }: GenerationSeed): string {
  return `${epoch}-${firstKeyId}`;
}
