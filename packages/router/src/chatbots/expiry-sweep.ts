import type { ConversationStore } from './conversation-store.ts';

const SWEEP_MS = 60_000;
const BATCH = 500;
/** Batches of one sweep: the rest waits for the next, so that requests do not. */
const MAX_BATCHES = 20;

/** What a sweep needs. */
export interface ExpirySweepOptions {
  readonly store: Pick<ConversationStore, 'deleteExpired'>;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Told where the store could not be swept; the next sweep tries again. */
  readonly onError: (error: unknown) => void;
  readonly everyMs?: number;
}

/** Deletes conversations whose time is over, in batches, again and again. @returns what ends it */
export function startExpirySweep({ everyMs = SWEEP_MS, ...options }: ExpirySweepOptions): () => void {
  let sweeping = false;
  const timer = setInterval(() => {
    if (sweeping) return;
    sweeping = true;
    sweepExpired(options)
      .catch(options.onError)
      .finally(() => {
        sweeping = false;
      });
  }, everyMs);
  timer.unref();
  return () => clearInterval(timer);
}

/** Deletes conversations whose time is over, 10,000 at most. @returns how many */
export async function sweepExpired({ store, now }: Pick<ExpirySweepOptions, 'store' | 'now'>): Promise<number> {
  let deleted = 0;
  for (let batch = 0; batch < MAX_BATCHES; batch++) {
    const count = await store.deleteExpired(now(), BATCH);
    deleted += count;
    if (count < BATCH) break;
  }
  return deleted;
}
