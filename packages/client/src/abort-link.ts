/** A controller that aborts with a caller's signal, until it is let go. */
export interface AbortLink {
  readonly controller: AbortController;
  /** Forgets the caller's signal, which may live much longer. */
  release(): void;
}

/** Makes a controller that follows `signal`; null follows nothing. */
export function followAbort(signal: AbortSignal | null): AbortLink {
  const controller = new AbortController();
  if (signal === null) return { controller, release: () => undefined };
  if (signal.aborted) controller.abort(signal.reason);
  const onAbort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  return { controller, release: () => signal.removeEventListener('abort', onAbort) };
}
