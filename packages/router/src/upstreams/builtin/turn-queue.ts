/** Work for one turn. It reports its own failures and never rejects. */
export type Turn = () => Promise<void>;

/** Turns one after another, in the order they were asked for. */
export class TurnQueue {
  readonly #maxWaiting: number;
  readonly #waiting = new Set<Turn>();
  #running: Promise<void> | null = null;

  /** @param maxWaiting how many may wait beside the one whose turn it is */
  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /** Whether another turn would have to wait and may not. */
  get isFull(): boolean {
    return this.#running !== null && this.#waiting.size >= this.#maxWaiting;
  }

  /** Puts a turn at the end. Where the queue is empty it begins at once. */
  add(turn: Turn): void {
    this.#waiting.add(turn);
    this.#running ??= this.#run();
  }

  /** Takes a turn out that has not begun. */
  remove(turn: Turn): void {
    this.#waiting.delete(turn);
  }

  /** Resolves when no turn is under way and none waits. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    for (const turn of this.#waiting) {
      this.#waiting.delete(turn);
      // One that rejects all the same, because its listener threw, must not keep the others from their turns.
      await turn().catch(() => {});
    }
    this.#running = null;
  }
}
