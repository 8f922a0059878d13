/** Where aliases that were made at run time are kept; those of the configuration are not among them. */
export interface AliasStore {
  /** Alias → models in the order to try. */
  list(): Promise<Readonly<Record<string, readonly string[]>>>;
  /** Makes or replaces one. */
  put(alias: string, models: readonly string[]): Promise<void>;
  /** @returns whether there was one */
  delete(alias: string): Promise<boolean>;
}
