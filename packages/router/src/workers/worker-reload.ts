import { SottoError } from '@sotto/protocol';
import type { RouterConfig } from '../config/schema.ts';
import type { GenerationSeed } from '../hpke-keys/key-generation.ts';
import type { PreparedConfig } from '../present-serving.ts';
import type { ToPrimary, ToWorker } from './messages.ts';

type Asked = Omit<Extract<ToWorker, { sotto: 'prepare' }>, 'sotto'>;

/**
 * A worker's part in reloads. A vote may be over before this worker is ready, for another refused: what is ready by then
 * is let go of, and never taken for what a later vote is about.
 */
export class WorkerReload {
  readonly #read: (config: RouterConfig, seed?: GenerationSeed) => Promise<PreparedConfig>;
  readonly #tell: (message: ToPrimary) => void;
  /** The vote that is open; null where none is. */
  #vote: number | null = null;
  #prepared: PreparedConfig | null = null;

  constructor(
    read: (config: RouterConfig, seed?: GenerationSeed) => Promise<PreparedConfig>,
    tell: (message: ToPrimary) => void,
  ) {
    this.#read = read;
    this.#tell = tell;
  }

  /** Reads a configuration, and tells whether it can be taken over. Never rejects. */
  async prepare({ vote, config, seed }: Asked): Promise<void> {
    this.#vote = vote;
    try {
      const prepared = await this.#read(config, seed);
      if (this.#vote !== vote) {
        await prepared.discard();
        return;
      }
      this.#prepared = prepared;
      this.#tell({ sotto: 'prepared', vote, changed: prepared.changed, replacesKeys: prepared.replacesKeys });
    } catch (error) {
      const message = SottoError.isInstance(error) ? error.message : 'a worker failed at the configuration';
      this.#tell({ sotto: 'unprepared', vote, message });
    }
  }

  /**
   * Takes over what was prepared.
   * @throws RangeError where it was not: this worker may not go on beside others that have
   */
  commit(vote: number): void {
    const prepared = this.#take(vote);
    if (prepared === null) throw new RangeError('nothing is prepared for this vote');
    prepared.commit();
  }

  /** Lets go of what was prepared, or will be. */
  discard(vote: number): void {
    this.#take(vote)
      ?.discard()
      .catch(() => {});
  }

  #take(vote: number): PreparedConfig | null {
    if (this.#vote !== vote) return null;
    const prepared = this.#prepared;
    this.#vote = null;
    this.#prepared = null;
    return prepared;
  }
}
