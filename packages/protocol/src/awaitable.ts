import type { Awaitable } from './crypto-provider.ts';

/**
 * Goes on with a value at once where it is there, and when it comes where it is promised: a provider that answers
 * synchronously is used synchronously.
 */
export function andThen<T, U>(value: Awaitable<T>, next: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** Runs `operation`; when it throws, or what it promised is rejected, throws what `translate` makes of it. */
export function translateErrors<T>(operation: () => Awaitable<T>, translate: (error: unknown) => Error): Awaitable<T> {
  let value: Awaitable<T>;
  try {
    value = operation();
  } catch (error) {
    throw translate(error);
  }
  if (!(value instanceof Promise)) return value;
  return value.catch((error: unknown) => {
    throw translate(error);
  });
}
