import type { ReplayMemory, ReplayOutcome } from '../replay/replay-memory.ts';
import type { ReplayWindow } from '../replay/replay-window.ts';
import type { ToPrimary, ToWorker } from './messages.ts';

/**
 * A worker's view of the memory that all workers share in the primary process. What this worker has seen itself it
 * refuses at once; whether another has, the primary says when a request is remembered.
 */
export class SharedReplays implements ReplayMemory {
  readonly #seenHere: ReplayWindow;
  readonly #tell: (message: ToPrimary) => void;
  readonly #waiting = new Map<number, (outcome: ReplayOutcome) => void>();
  #calls = 0;
  #isPrimaryGone = false;

  constructor(seenHere: ReplayWindow, tell: (message: ToPrimary) => void) {
    this.#seenHere = seenHere;
    this.#tell = tell;
  }

  has(id: string): boolean {
    return this.#seenHere.has(id);
  }

  add(id: string): Promise<ReplayOutcome> {
    this.#seenHere.add(id);
    if (this.#isPrimaryGone) return Promise.resolve('unavailable');
    const call = this.#calls++;
    return new Promise((resolve) => {
      this.#waiting.set(call, resolve);
      this.#tell({ sotto: 'replay-add', call, id });
    });
  }

  forget(id: string): void {
    this.#seenHere.forget(id);
    this.#tell({ sotto: 'replay-forget', id });
  }

  /** Takes the primary's word on a request. */
  settle({ call, outcome }: Extract<ToWorker, { sotto: 'replay-outcome' }>): void {
    this.#waiting.get(call)?.(outcome);
    this.#waiting.delete(call);
  }

  /** Nobody can say any more what other workers have seen: what is not known to be new is refused. */
  primaryIsGone(): void {
    this.#isPrimaryGone = true;
    for (const settle of this.#waiting.values()) settle('unavailable');
    this.#waiting.clear();
  }
}
