import type { GuardedCall } from './guarded-call.ts';

/**
 * The calls that an upstream is answering. An array in which the last takes the place of the one that goes, and not a
 * Set: one that is added to and taken from all the time is made anew again and again, each of its old tables leads to
 * the next, and the garbage collector then keeps what hangs on them far too long. It cost a third of the throughput.
 */
export class CallsUnderWay {
  readonly #calls: GuardedCall[] = [];

  get size(): number {
    return this.#calls.length;
  }

  add(call: GuardedCall): void {
    call.slot = this.#calls.length;
    this.#calls.push(call);
  }

  /** Takes out a call that was added and is still there. */
  delete(call: GuardedCall): void {
    const last = this.#calls.pop();
    if (last === undefined || last === call) return;
    this.#calls[call.slot] = last;
    last.slot = call.slot;
  }

  /** Those of this moment. */
  list(): readonly GuardedCall[] {
    return [...this.#calls];
  }
}
