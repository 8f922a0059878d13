import { withDeadline } from '../deadline.ts';
import { CollateralCache, type Dated } from './collateral-cache.ts';
import { systemCollateralClock } from './collateral-clock.ts';
import type { CollateralOptions } from './collateral-options.ts';
import { type Answer, fetchAnswer, fetchFailed, readingAnswer } from './fetch-answer.ts';

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_ATTEMPTS = 4;
const DEFAULT_REFRESH_MS = 86_400_000;
const DEFAULT_CACHE_ENTRIES = 64;
/** All attempts and pauses together, so that nobody waits without end. */
const MAX_PATIENCE_MS = 120_000;

/** Answers of one shape, each kept while it holds. */
export interface CollateralService<T> {
  /**
   * What lies at `url`, of at most `maxBytes`, as `read` reads it.
   * @throws AttestationError `fetch_failed`
   * @throws APIUserAbortError `request_aborted`
   */
  get(url: URL, maxBytes: number, read: (answer: Answer) => Dated<T>, signal: AbortSignal): Promise<T>;
  forget(): void;
}

/** Asks a vendor's service, with retries, timeouts and a cache. */
export function collateralService<T>(options: CollateralOptions): CollateralService<T> {
  const { clock = systemCollateralClock, refreshMs = DEFAULT_REFRESH_MS } = options;
  const { timeoutMs = DEFAULT_TIMEOUT_MS, attempts = DEFAULT_ATTEMPTS } = options;
  const cache = new CollateralCache<T>(options.cacheEntries ?? DEFAULT_CACHE_ENTRIES, refreshMs, clock);
  const rules = { timeoutMs, attempts, clock };
  const patience = (url: URL) => ({
    timeoutMs: MAX_PATIENCE_MS,
    onTimeout: () => fetchFailed(url, 'it did not answer in time'),
  });
  return {
    get: (url, maxBytes, read, signal) =>
      // A caller who gives up leaves alone; others may wait for the same answer.
      withDeadline({ ...patience(url), signal }, () =>
        cache.get(url.href, () =>
          withDeadline({ ...patience(url), signal: new AbortController().signal }, async (waiting) => {
            const answer = await fetchAnswer(url, maxBytes, rules, waiting);
            return readingAnswer(url, () => read(answer));
          }),
        ),
      ),
    forget: () => cache.clear(),
  };
}
