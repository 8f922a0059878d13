import type { Awaitable } from '@sotto/protocol';
import type { ReplayMemory, ReplayOutcome } from './replay-memory.ts';
import type { ReplayWindow } from './replay-window.ts';

/** As long as a window in memory remembers at most: three times its length. */
const WINDOWS = 3;
/** Ids that go to Redis in one write, when it is back. */
const BATCH = 1_000;

/** What is asked of Redis; any of it may fail while the server is away. */
export interface ReplayCommands {
  readonly isUp: boolean;
  /** Remembers an id for so long. @returns `full` where the server is there and takes nothing more */
  remember(id: string, forMs: number): Promise<'added' | 'seen' | 'full'>;
  /** Remembers many, those that are there already too. Rejects where one of them was not taken. */
  rememberAll(ids: readonly string[], forMs: number): Promise<void>;
  forget(id: string): Promise<void>;
}

/** What a memory over Redis is made of. */
export interface RedisReplaysOptions {
  readonly commands: ReplayCommands;
  /** What this process remembers, or what all of this machine do: asked first, and while Redis is away. */
  readonly local: ReplayMemory;
  /** What was remembered through this process, to tell Redis of it when it is back. May be `local` itself. */
  readonly recent: ReplayWindow;
  readonly windowMs: number;
  /** While Redis is away: go by the local memory, or refuse. */
  readonly whenAway: 'local' | 'refuse';
}

/**
 * A memory that all replicas share, over what each remembers for itself. A request costs one round trip, and none where
 * the local memory has seen it.
 */
export class RedisReplays implements ReplayMemory {
  readonly #options: RedisReplaysOptions;
  readonly #keptMs: number;

  constructor(options: RedisReplaysOptions) {
    this.#options = options;
    this.#keptMs = WINDOWS * options.windowMs;
  }

  /** Only what is known here: whether another replica has seen it, Redis says when it is to be remembered. */
  has(id: string): Awaitable<boolean> {
    return this.#options.local.has(id);
  }

  async add(id: string): Promise<ReplayOutcome> {
    const { commands, local, recent, whenAway } = this.#options;
    if (whenAway === 'refuse' && !commands.isUp) return 'unavailable';
    const here = await local.add(id);
    if (here !== 'added') return here;
    recent.add(id);
    const outcome = await commands.remember(id, this.#keptMs).catch(() => 'unavailable' as const);
    if (outcome === 'added' || outcome === 'seen') return outcome;
    if (outcome === 'unavailable' && whenAway === 'local') return 'added';
    // The request is not answered, and its sender may send it again. A server that is there and takes nothing more is
    // not taken for one that is away: who fills it must not switch the memory off.
    await this.#forgetHere(id);
    return outcome;
  }

  async forget(id: string): Promise<void> {
    await this.#forgetHere(id);
    // Where it cannot be told, the id stays until its time is over, and the same bytes are refused.
    await this.#options.commands.forget(id).catch(() => {});
  }

  /** Tells Redis, that was away and may have forgotten everything, what was remembered through this process. */
  async restore(): Promise<void> {
    const { commands, recent } = this.#options;
    let batch: string[] = [];
    for (const id of [...recent.ids()]) {
      batch.push(id);
      if (batch.length < BATCH) continue;
      await commands.rememberAll(batch, this.#keptMs);
      batch = [];
    }
    if (batch.length > 0) await commands.rememberAll(batch, this.#keptMs);
  }

  async #forgetHere(id: string): Promise<void> {
    this.#options.recent.forget(id);
    await this.#options.local.forget(id);
  }
}
