import { userAborted } from './deadline.ts';

/** Time, as retries and caches see it. */
export interface Clock {
  /** Unix time in milliseconds. */
  now(): number;
  /**
   * Waits.
   * @throws APIUserAbortError `request_aborted` as soon as `signal` aborts
   */
  delay(milliseconds: number, signal: AbortSignal | null): Promise<void>;
}

/** The runtime's own time. */
export const systemClock: Clock = {
  now: () => Date.now(),

  delay(milliseconds, signal) {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(userAborted());
        return;
      }
      const onAbort = (): void => {
        clearTimeout(timer);
        reject(userAborted());
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, milliseconds);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  },
};
