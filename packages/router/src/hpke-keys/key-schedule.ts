import type { HpkeKeyPair } from '@sotto/protocol/hpke';
import { encodeKeyConfigs, type GatewayKey } from '@sotto/protocol/ohttp';
import { deriveGeneration, type GenerationSeed, type KeyGeneration } from './key-generation.ts';
import { MAX_TIMER_MS } from './key-rotation.ts';

/**
 * Generations that are told to clients: who rotates by hand again and again must not make a list that is longer than
 * they read.
 */
const MAX_LISTED_GENERATIONS = 8;
/** Generations that an ehbp request is tried with, for it does not name its key: each costs 0.1 ms. */
const MAX_EHBP_KEYS = 4;

/** The keys that requests may be sealed to now: the newest generation first, then those in their overlap. */
export class KeySchedule {
  readonly #now: () => number;
  #generations: readonly KeyGeneration[] = [];
  #encoded: Uint8Array = new Uint8Array(0);
  #timer: NodeJS.Timeout | undefined;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Takes a generation into use. */
  async add(seed: GenerationSeed): Promise<void> {
    const generation = await deriveGeneration(seed);
    // A generation that is followed before its time ends its overlap from there.
    const overlapEndsMs = seed.madeAtMs + (seed.destroyAtMs - seed.rotateAtMs);
    const earlier = this.#generations.map((each) => ({
      ...each,
      seed: { ...each.seed, destroyAtMs: Math.min(each.seed.destroyAtMs, overlapEndsMs) },
    }));
    this.#serve([generation, ...earlier]);
  }

  /**
   * Derives a generation that is to take the place of all others.
   * @returns takes it into use, and puts the others out of it, at once
   */
  async prepareSole(seed: GenerationSeed): Promise<() => void> {
    const generation = await deriveGeneration(seed);
    return () => this.#serve([generation]);
  }

  /** The generation that clients should seal to. Throws before the first one is there. */
  get current(): KeyGeneration {
    this.#destroyExpired();
    const [newest] = this.#generations;
    if (newest === undefined) throw new RangeError('no key generation is in use');
    return newest;
  }

  /** `application/ohttp-keys`, newest first (RFC 9458 §3.2). */
  get encodedConfigs(): Uint8Array {
    this.#destroyExpired();
    return this.#encoded;
  }

  /** The key of an id, while it is in use. */
  find(keyId: number): GatewayKey | undefined {
    this.#destroyExpired();
    for (const { gatewayKeys } of this.#generations) {
      const key = gatewayKeys.get(keyId);
      if (key !== undefined) return key;
    }
    return undefined;
  }

  /** The keys that ehbp requests may be sealed to, newest first. */
  get ehbpKeyPairs(): readonly HpkeKeyPair[] {
    this.#destroyExpired();
    return this.#generations.slice(0, MAX_EHBP_KEYS).map(({ ehbpKeyPair }) => ehbpKeyPair);
  }

  /** How long clients may keep the configurations: until the next generation is due. Whole seconds. */
  get maxAgeSeconds(): number {
    return Math.max(0, Math.floor((this.current.seed.rotateAtMs - this.#now()) / 1000));
  }

  /** Takes all keys out of use, for good. */
  destroy(): void {
    this.#serve([]);
  }

  /** From then on nothing sealed to an expired key can be opened here, by anybody: that is the forward secrecy. */
  #destroyExpired(): void {
    const now = this.#now();
    if (this.#generations.every(({ seed }) => seed.destroyAtMs > now)) return;
    this.#serve(this.#generations);
  }

  #serve(generations: readonly KeyGeneration[]): void {
    const now = this.#now();
    this.#generations = generations.filter(({ seed }) => seed.destroyAtMs > now);
    this.#encoded = encodeKeyConfigs(
      this.#generations.slice(0, MAX_LISTED_GENERATIONS).flatMap(({ configs }) => configs),
    );
    // Keys go when their time is over, not when somebody next asks for one.
    clearTimeout(this.#timer);
    const nextEndMs = Math.min(...this.#generations.map(({ seed }) => seed.destroyAtMs));
    if (nextEndMs === Number.POSITIVE_INFINITY) return;
    this.#timer = setTimeout(() => this.#serve(this.#generations), Math.min(nextEndMs - now, MAX_TIMER_MS)).unref();
  }
}
