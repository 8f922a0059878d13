/** Between two readings of the same: who publishes without end must not make the database read without end. */
const PAUSE_MS = 100;

/** Reads something anew when it is asked to: at once, but one reading at a time, and one more for all who ask meanwhile. */
export class Rereading {
  readonly #read: () => Promise<void>;
  #state: 'idle' | 'reading' | 'asked-again' = 'idle';

  /** @param read does not reject */
  constructor(read: () => Promise<void>) {
    this.#read = read;
  }

  ask(): void {
    if (this.#state === 'idle') void this.#run();
    else this.#state = 'asked-again';
  }

  async #run(): Promise<void> {
    do {
      this.#state = 'reading';
      await this.#read();
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS).unref());
    } while (this.#isAskedAgain());
    this.#state = 'idle';
  }

  #isAskedAgain(): boolean {
    return this.#state === 'asked-again';
  }
}
