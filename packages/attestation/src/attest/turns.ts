/** Runs what is given to it one at a time, in order. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Makes a queue of turns. Firmware answers one request after the other, and each that waits in the kernel holds one of
 * the runtime's few threads: a turn lasts until the work has ended, even when its caller has given up on it.
 */
export function createTurns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
}
