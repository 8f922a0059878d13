import { randomUUID } from 'node:crypto';
import { wholeTokens } from './price.ts';
import { mergeRows, UsageRows } from './usage-rows.ts';
import type { Usage, UsageBatch, UsageQuery, UsageRow, UsageStore } from './usage-store.ts';

/** One request, when it is over. */
export interface UsageEntry {
  /** The virtual key's id. */
  readonly keyId: string;
  /** The name that was asked for: one that there is a model by. */
  readonly model: string;
  readonly outcome: 'answered' | 'failed' | 'cancelled';
  /** Null where no upstream took the request up. */
  readonly tokens: {
    readonly promptTokens: number;
    readonly cachedTokens: number;
    readonly completionTokens: number;
  } | null;
  readonly costNanoUsd: number;
}

/** How the ledger does; all have defaults. */
export interface UsageLedgerOptions {
  /** Rows that wait for the store at most; a model beyond them is counted as `*other`. */
  readonly maxRows?: number;
  /** From an entry to its being stored. */
  readonly flushMs?: number;
  /** Told that rows could not be stored and wait for another attempt. */
  readonly onStoreError?: (error: unknown) => void;
  /** Told that rows which could not be stored are stored. */
  readonly onStoreBack?: () => void;
}

const MAX_ROWS = 100_000;
const FLUSH_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;
/** Rows in one transaction. */
const ROWS_AT_ONCE = 500;
const DAY_MS = 86_400_000;

/**
 * Keeps the books: what is recorded is added up in memory and reaches the store a moment later, so that no request
 * waits for a database and none fails with it.
 */
export class UsageLedger {
  readonly #store: UsageStore;
  readonly #rows: UsageRows;
  readonly #flushMs: number;
  readonly #onStoreError: (error: unknown) => void;
  readonly #onStoreBack: () => void;
  #retryMs: number;
  readonly #writer = randomUUID();
  #batches = 0;
  /**
   * What is being written. Where that fails it stays as it is: it may have been kept, and only the word of it lost, and
   * the store knows a batch that it has seen.
   */
  #batch: UsageBatch | null = null;
  #folded = 0;
  #failing = false;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  /** What is done with the store, one after another: a query must see each row either here or there. */
  #turn: Promise<void> = Promise.resolve();
  #day = { number: Number.NaN, text: '' };

  constructor(store: UsageStore, options: UsageLedgerOptions = {}) {
    this.#store = store;
    this.#rows = new UsageRows(options.maxRows ?? MAX_ROWS);
    this.#flushMs = options.flushMs ?? FLUSH_MS;
    this.#retryMs = this.#flushMs;
    this.#onStoreError = options.onStoreError ?? (() => {});
    this.#onStoreBack = options.onStoreBack ?? (() => {});
  }

  /** Rows that wait for the store. */
  get waitingRows(): number {
    return this.#rows.size + (this.#batch?.rows.length ?? 0);
  }

  /** Whether the store did not take what it was last given. */
  get isFailing(): boolean {
    return this.#failing;
  }

  /** Requests that were counted as `*other` because too many rows waited. */
  get foldedRequests(): number {
    return this.#folded;
  }

  /** Records a request on the day it ended. Never throws, never waits. */
  record({ keyId, model, outcome, tokens, costNanoUsd }: UsageEntry): void {
    const promptTokens = wholeTokens(tokens?.promptTokens ?? 0);
    const usage: Usage = {
      requests: 1,
      failed: outcome === 'failed' ? 1 : 0,
      cancelled: outcome === 'cancelled' ? 1 : 0,
      promptTokens,
      cachedTokens: Math.min(wholeTokens(tokens?.cachedTokens ?? 0), promptTokens),
      completionTokens: wholeTokens(tokens?.completionTokens ?? 0),
      costNanoUsd,
    };
    if (!this.#rows.add(this.#today(), keyId, model, usage)) this.#folded++;
    this.#flushIn(this.#retryMs);
  }

  /**
   * Stores all that was recorded until now.
   * @throws ServiceUnavailableError `store_unavailable`; what is not stored waits on
   */
  flush(): Promise<void> {
    return this.#inTurn(() => this.#storeAll());
  }

  /**
   * Usage as it is at this moment, what waits for the store included; the latest day first, then by key and model.
   * @throws ServiceUnavailableError `store_unavailable`
   */
  list(query: UsageQuery): Promise<readonly UsageRow[]> {
    return this.#inTurn(async () => {
      await this.#writeBatch();
      const stored = await this.#store.list(query);
      const waiting = this.#rows.snapshot().filter((row) => isAskedFor(row, query));
      return mergeRows([...stored, ...waiting]).slice(0, query.limit);
    });
  }

  /**
   * What each key spent from a day on, in billionths of a US dollar, what waits for the store included.
   * @throws ServiceUnavailableError `store_unavailable`
   */
  spentSince(day: string): Promise<ReadonlyMap<string, number>> {
    return this.#inTurn(async () => {
      await this.#writeBatch();
      const spent = new Map(await this.#store.spentSince(day));
      for (const row of this.#rows.snapshot()) {
        if (row.day >= day) spent.set(row.keyId, (spent.get(row.keyId) ?? 0) + row.costNanoUsd);
      }
      return spent;
    });
  }

  /**
   * Stores what is left, for the last time.
   * @throws ServiceUnavailableError `store_unavailable` where it is lost
   */
  close(): Promise<void> {
    this.#closed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    return this.flush();
  }

  async #storeAll(): Promise<void> {
    await this.#writeBatch();
    // What is recorded meanwhile is for the next time.
    for (let left = this.#rows.size; left > 0; left -= ROWS_AT_ONCE) {
      const rows = this.#rows.take(Math.min(left, ROWS_AT_ONCE));
      this.#batch = { writer: this.#writer, number: ++this.#batches, rows };
      await this.#writeBatch();
    }
  }

  /** Writes what is to be written, until the store says that it has it: before that, whether it has is not known. */
  async #writeBatch(): Promise<void> {
    if (this.#batch === null) return;
    try {
      await this.#store.add(this.#batch);
    } catch (error) {
      this.#failing = true;
      throw error;
    }
    this.#batch = null;
    if (!this.#failing) return;
    this.#failing = false;
    this.#onStoreBack();
  }

  #flushIn(delayMs: number): void {
    if (this.#timer !== null || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.flush().then(
        () => {
          this.#retryMs = this.#flushMs;
        },
        (error: unknown) => {
          this.#retryMs = Math.min(this.#retryMs * 2, LONGEST_RETRY_MS);
          this.#onStoreError(error);
          this.#flushIn(this.#retryMs);
        },
      );
    }, delayMs);
    this.#timer.unref();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.then(
      () => {},
      () => {},
    );
    return turn;
  }

  #today(): string {
    const now = Date.now();
    const number = Math.floor(now / DAY_MS);
    if (number !== this.#day.number) this.#day = { number, text: new Date(now).toISOString().slice(0, 10) };
    return this.#day.text;
  }
}

function isAskedFor(row: UsageRow, { keyId, model, from, to }: UsageQuery): boolean {
  return (
    (keyId === undefined || row.keyId === keyId) &&
    (model === undefined || row.model === model) &&
    (from === undefined || row.day >= from) &&
    (to === undefined || row.day <= to)
  );
}
