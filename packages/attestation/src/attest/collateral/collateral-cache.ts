import type { CollateralClock } from './collateral-clock.ts';

/** What is kept, and how long it holds: milliseconds since 1970. */
export interface Dated<T> {
  readonly value: T;
  readonly validUntil: number;
}

interface Entry<T> extends Dated<T> {
  readonly refreshAt: number;
}

/**
 * Keeps a service's answers by their address while they hold. Questions that are under way are asked once. What is due
 * for a refresh, still holds, and cannot be had anew is given once more.
 */
export class CollateralCache<T> {
  readonly #entries = new Map<string, Entry<T>>();
  readonly #underWay = new Map<string, Promise<T>>();
  readonly #maxEntries: number;
  readonly #refreshMs: number;
  readonly #clock: CollateralClock;

  constructor(maxEntries: number, refreshMs: number, clock: CollateralClock) {
    this.#maxEntries = maxEntries;
    this.#refreshMs = refreshMs;
    this.#clock = clock;
  }

  /** What is kept for `key`, or what `load` gives. */
  async get(key: string, load: () => Promise<Dated<T>>): Promise<T> {
    const kept = this.#entries.get(key);
    if (kept !== undefined && this.#clock.now() < kept.refreshAt) {
      this.#keep(key, kept);
      return kept.value;
    }
    let loading = this.#underWay.get(key);
    if (loading === undefined) {
      loading = this.#load(key, load).finally(() => this.#underWay.delete(key));
      this.#underWay.set(key, loading);
    }
    try {
      return await loading;
    } catch (error) {
      if (kept !== undefined && this.#clock.now() < kept.validUntil) return kept.value;
      throw error;
    }
  }

  /** Forgets everything: the next questions are asked anew. */
  clear(): void {
    this.#entries.clear();
  }

  async #load(key: string, load: () => Promise<Dated<T>>): Promise<T> {
    const { value, validUntil } = await load();
    const now = this.#clock.now();
    if (validUntil > now) {
      this.#keep(key, { value, validUntil, refreshAt: Math.min(validUntil, now + this.#refreshMs) });
    } else this.#entries.delete(key);
    return value;
  }

  /** Maps keep the order of insertion: the first is the one that was not asked for the longest. */
  #keep(key: string, entry: Entry<T>): void {
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.#maxEntries) break;
      this.#entries.delete(oldest);
    }
  }
}
