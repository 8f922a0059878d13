import type { ReplayMemory } from './replay-memory.ts';

/** Requests a router remembers in one window; beyond it requests are refused, not forgotten. */
export const MAX_REPLAY_ENTRIES = 1_000_000;

/** A request's own time may be a window ahead, and is good until it is a window behind: two, and the one under way. */
const GENERATIONS = 3;

/**
 * Remembers what has been seen for at least twice the window's length, in generations that take turns: no timer an
 * entry, no eviction that an attacker could force. When full it says so, and the caller refuses the request.
 */
export class ReplayWindow implements ReplayMemory {
  readonly #windowMs: number;
  readonly #maxEntries: number;
  readonly #now: () => number;
  #current = new Set<string>();
  /** The generations before this one, the latest first. */
  #previous: readonly Set<string>[] = [];
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
    return this.#current.has(id) || this.#previous.some((generation) => generation.has(id));
  }

  /** Remembers an id. @returns `seen` where it was there already, `full` where nothing more can be remembered */
  add(id: string): 'added' | 'seen' | 'full' {
    if (this.has(id)) return 'seen';
    if (this.#current.size >= this.#maxEntries) return 'full';
    this.#current.add(id);
    return 'added';
  }

  /** All that is remembered now. */
  *ids(): Generator<string, void, undefined> {
    yield* this.#current;
    for (const generation of this.#previous) yield* generation;
  }

  /** Forgets an id whose request ended in an error that invites to send the same bytes again. */
  forget(id: string): void {
    this.#current.delete(id);
    for (const generation of this.#previous) generation.delete(id);
  }

  #turn(): void {
    const turns = Math.floor((this.#now() - this.#turnedAtMs) / this.#windowMs);
    if (turns < 1) return;
    const passed = Array.from({ length: Math.min(turns - 1, GENERATIONS) }, () => new Set<string>());
    this.#previous = [...passed, this.#current, ...this.#previous].slice(0, GENERATIONS - 1);
    this.#current = new Set();
    this.#turnedAtMs += turns * this.#windowMs;
  }
}
