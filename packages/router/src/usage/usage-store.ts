/** What was used, added up over the requests of one key, model and day. */
export interface Usage {
  readonly requests: number;
  /** Of these, requests that ended in an error. */
  readonly failed: number;
  /** Of these, requests whose caller went away. */
  readonly cancelled: number;
  readonly promptTokens: number;
  /** Of these, read from the upstream's cache. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
  /** In billionths of a US dollar. */
  readonly costNanoUsd: number;
}

/** Usage, and whose it is. */
export interface UsageRow extends Usage {
  /** A virtual key's id. */
  readonly keyId: string;
  /** The model, by the name it was asked for. */
  readonly model: string;
  /** UTC: `2026-01-31`. */
  readonly day: string;
}

/** Which rows of the usage to read; an absent member asks for all. */
export interface UsageQuery {
  readonly keyId?: string;
  readonly model?: string;
  /** First day. */
  readonly from?: string;
  /** Last day. */
  readonly to?: string;
  readonly limit: number;
}

/** One write of usage. The same one may be tried again: a database may have kept it, and the word of it been lost. */
export interface UsageBatch {
  /** Who writes: a name that no other process has, nor this one had before. */
  readonly writer: string;
  /** Greater than that of the writer's batch before it. */
  readonly number: number;
  readonly rows: readonly UsageRow[];
}

/** Where usage is kept. */
export interface UsageStore {
  /** Adds to what is there: all rows, or none where it fails or has been written before. */
  add(batch: UsageBatch): Promise<void>;
  /** Rows in the order of day, key and model, the latest day first. */
  list(query: UsageQuery): Promise<readonly UsageRow[]>;
  /** What each key spent from a day on, in billionths of a US dollar. */
  spentSince(day: string): Promise<ReadonlyMap<string, number>>;
}
