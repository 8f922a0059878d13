/**
 * Two iterables of what one iterator gives: each result is taken once, by whichever of the two is ahead, and kept for
 * the other.
 */
export function teeIterable<T>(source: AsyncIterator<T>): readonly [AsyncIterable<T>, AsyncIterable<T>] {
  const left: Promise<IteratorResult<T>>[] = [];
  const right: Promise<IteratorResult<T>>[] = [];
  function branch(queue: Promise<IteratorResult<T>>[]): AsyncIterable<T> {
    return {
      [Symbol.asyncIterator]: () => ({
        next() {
          const waiting = queue.shift();
          if (waiting !== undefined) return waiting;
          const next = source.next();
          // The branch that lags hears of a failure when it gets there.
          next.catch(() => undefined);
          (queue === left ? right : left).push(next);
          return next;
        },
      }),
    };
  }
  return [branch(left), branch(right)];
}
