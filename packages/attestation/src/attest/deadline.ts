import { attestationAborted } from './attester-error.ts';

/** When a piece of work ends at the latest. */
export interface Deadline {
  /** The caller's. */
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  /** What is thrown when the time is up. */
  readonly onTimeout: () => Error;
}

/**
 * Runs `work` until it settles, its time is up, or the caller gives up. A system call cannot be stopped: where `work`
 * does not heed its signal it is left behind, and the caller does not wait for it.
 * @throws APIUserAbortError `request_aborted`
 */
export async function withDeadline<T>(
  { signal, timeoutMs, onTimeout }: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  if (signal.aborted) throw attestationAborted();
  const controller = new AbortController();
  let end: (error: Error) => void = () => undefined;
  const ended = new Promise<never>((_, reject) => {
    end = (error) => {
      reject(error);
      controller.abort(error);
    };
  });
  const onAbort = () => end(attestationAborted());
  signal.addEventListener('abort', onAbort, { once: true });
  const timer = setTimeout(() => end(onTimeout()), timeoutMs);
  try {
    return await Promise.race([ended, work(controller.signal)]);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
    // What is left of the work, which nobody waits for now, may stop.
    controller.abort();
  }
}
