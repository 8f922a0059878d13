import { attestationAborted } from '../attester-error.ts';

/** Time, as retries and the cache see it. */
export interface CollateralClock {
  /** Milliseconds since 1970. */
  now(): number;
  /**
   * Waits.
   * @throws APIUserAbortError as soon as `signal` aborts
   */
  delay(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** The runtime's own time. */
export const systemCollateralClock: CollateralClock = {
  now: () => Date.now(),
  delay: (milliseconds, signal) =>
    new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(attestationAborted());
        return;
      }
      const onAbort = () => {
        clearTimeout(timer);
        reject(attestationAborted());
      };
      const timer = setTimeout(() => {
        signal.removeEventListener('abort', onAbort);
        resolve();
      }, milliseconds);
      signal.addEventListener('abort', onAbort, { once: true });
    }),
};
