import { apiError } from '@sotto/protocol';
import type { AliasStore } from './alias-store.ts';
import type { Aliases } from './model-directory.ts';

/** Aliases that are held in memory. */
const MAX_ALIASES = 10_000;

/** An alias as it is shown to whoever administers the router. */
export interface ListedAlias {
  readonly alias: string;
  /** In the order to try. */
  readonly models: readonly string[];
  readonly source: 'configuration' | 'store';
}

/** All aliases, in memory: those of the configuration, which nothing else changes, and those of the store. */
export class AliasRegistry {
  #configured: Aliases;
  readonly #store: AliasStore;
  readonly #announce: () => void;
  #stored: Aliases = {};
  #current: Aliases;

  /**
   * Knows the configured ones; {@link AliasRegistry.reload} brings those of the store.
   * @param announce tells the other processes that the store's aliases have changed
   */
  constructor(configured: Aliases, store: AliasStore, announce: () => void = () => {}) {
    this.#configured = configured;
    this.#current = configured;
    this.#store = store;
    this.#announce = announce;
  }

  /** Those of now. Of two with one name, the configuration's. */
  get current(): Aliases {
    return this.#current;
  }

  /** Those that there are with this configuration, whichever is the present one. */
  with(configured: Aliases): () => Aliases {
    let of = this.#stored;
    let merged = { ...of, ...configured };
    return () => {
      if (of !== this.#stored) {
        of = this.#stored;
        merged = { ...of, ...configured };
      }
      return merged;
    };
  }

  /** Replaces those of the configuration. */
  configure(configured: Aliases): void {
    this.#configured = configured;
    this.#current = { ...this.#stored, ...configured };
  }

  /** Those of the configuration first. */
  list(): readonly ListedAlias[] {
    const listed = (aliases: Aliases, source: ListedAlias['source']): readonly ListedAlias[] =>
      Object.entries(aliases).map(([alias, models]) => ({ alias, models, source }));
    const hidden = (alias: string): boolean => Object.hasOwn(this.#configured, alias);
    return [
      ...listed(this.#configured, 'configuration'),
      ...listed(this.#stored, 'store').filter(({ alias }) => !hidden(alias)),
    ];
  }

  /**
   * Makes or replaces one.
   * @throws APIError `already_exists` where the configuration defines it
   * @throws InvalidRequestError `invalid_request` where there are as many as there may be
   */
  async put(alias: string, models: readonly string[]): Promise<void> {
    this.#refuseConfigured(alias);
    if (!Object.hasOwn(this.#stored, alias) && Object.keys(this.#stored).length >= MAX_ALIASES) {
      throw apiError('invalid_request', `there are ${MAX_ALIASES} aliases already: delete one first`);
    }
    await this.#store.put(alias, models);
    await this.reload();
    this.#announce();
  }

  /**
   * Deletes one.
   * @returns whether there was one
   * @throws APIError `already_exists` where the configuration defines it
   */
  async delete(alias: string): Promise<boolean> {
    this.#refuseConfigured(alias);
    const deleted = await this.#store.delete(alias);
    await this.reload();
    if (deleted) this.#announce();
    return deleted;
  }

  /** Reads the store anew: at start, and when another process has changed it. */
  async reload(): Promise<void> {
    this.#stored = await this.#store.list();
    this.#current = { ...this.#stored, ...this.#configured };
  }

  #refuseConfigured(alias: string): void {
    if (!Object.hasOwn(this.#configured, alias)) return;
    throw apiError('already_exists', 'the configuration defines this alias: change it there', { param: 'alias' });
  }
}
