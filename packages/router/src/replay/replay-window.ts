import type { ReplayMemory } from './replay-memory.ts';

/**
 * Remembers what has been seen for at least the window's length, in two generations that take turns: no timer an
 * entry, no eviction that an attacker could force. When full it says so, and the caller refuses the request.
 */
export class ReplayWindow implements ReplayMemory {
  readonly #windowMs: number;
  readonly #maxEntries: number;
  readonly #now: () => number;
  #current = new Set<string>();
  #previous = new Set<string>();
  #turnedAtMs: number;

  /** @param now a monotonic clock in milliseconds */
  constructor(windowMs: number, maxEntries: number, now: () => number = () => performance.now()) {
    this.#windowMs = windowMs;
    this.#maxEntries = maxEntries;
    this.#now = now;
    this.#turnedAtMs = now();
  }

  has(id: string): boolean {
    this.#turn();
    return this.#current.has(id) || this.#previous.has(id);
  }

  /** Remembers an id. @returns `seen` where it was there already, `full` where nothing more can be remembered */
  add(id: string): 'added' | 'seen' | 'full' {
    if (this.has(id)) return 'seen';
    if (this.#current.size >= this.#maxEntries) return 'full';
    this.#current.add(id);
    return 'added';
  }

  /** Forgets an id whose request ended in an error that invites to send the same bytes again. */
  forget(id: string): void {
    this.#current.delete(id);
    this.#previous.delete(id);
  }

  #turn(): void {
    const elapsed = this.#now() - this.#turnedAtMs;
    if (elapsed < this.#windowMs) return;
    this.#previous = elapsed < this.#windowMs * 2 ? this.#current : new Set();
    this.#current = new Set();
    this.#turnedAtMs = this.#now();
  }
}
