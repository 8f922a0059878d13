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
  /** Those of them whose time has begun. */
  #listed: readonly KeyGeneration[] = [];
  /** Counts how often all were put out of use: what was on its way then belongs to those. */
  #line = 0;
  /** When keys end or begin next. */
  #changesAtMs = Number.POSITIVE_INFINITY;
  #onListed: () => void = () => {};
  #encoded: Uint8Array = new Uint8Array(0);
  #timer: NodeJS.Timeout | undefined;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Calls `listener` each time clients are told other keys than before. One listener; a later one replaces it. */
  onListed(listener: () => void): void {
    this.#onListed = listener;
  }

  /**
   * Takes a generation into use. One that was made for a time to come is opened from now on and listed from then on, so
   * that all who share it open it before any client hears of it.
   */
  async add(seed: GenerationSeed): Promise<void> {
    const line = this.#line;
    const generation = await deriveGeneration(seed);
    if (line !== this.#line) return;
    this.#serve([generation, ...this.#generations].sort((one, other) => other.seed.epoch - one.seed.epoch));
  }

  /**
   * Derives a generation that is to take the place of all others.
   * @returns takes it into use, and puts the others out of it, at once
   */
  async prepareSole(seed: GenerationSeed): Promise<() => void> {
    const generation = await deriveGeneration(seed);
    return () => {
      this.#line++;
      this.#serve([generation]);
    };
  }

  /** The generation that clients should seal to. Throws before the first one is there. */
  get current(): KeyGeneration {
    this.#keepUp();
    const [newest] = this.#listed;
    if (newest === undefined) throw new RangeError('no key generation is in use');
    return newest;
  }

  /** `application/ohttp-keys`, newest first (RFC 9458 §3.2). */
  get encodedConfigs(): Uint8Array {
    this.#keepUp();
    return this.#encoded;
  }

  /** The key of an id, while it is in use. */
  find(keyId: number): GatewayKey | undefined {
    this.#keepUp();
    for (const { gatewayKeys } of this.#generations) {
      const key = gatewayKeys.get(keyId);
      if (key !== undefined) return key;
    }
    return undefined;
  }

  /** The keys that ehbp requests may be sealed to, newest first. */
  get ehbpKeyPairs(): readonly HpkeKeyPair[] {
    this.#keepUp();
    return this.#generations.slice(0, MAX_EHBP_KEYS).map(({ ehbpKeyPair }) => ehbpKeyPair);
  }

  /** How long clients may keep the configurations: until the next generation is due. Whole seconds. */
  get maxAgeSeconds(): number {
    return Math.max(0, Math.floor((this.current.seed.rotateAtMs - this.#now()) / 1000));
  }

  /** Takes all keys out of use, for good. */
  destroy(): void {
    this.#line++;
    this.#serve([]);
  }

  /** Nothing sealed to an expired key can be opened here any more, by anybody: that is the forward secrecy. */
  #keepUp(): void {
    if (this.#now() >= this.#changesAtMs) this.#serve(this.#generations);
  }

  #serve(generations: readonly KeyGeneration[]): void {
    const now = this.#now();
    const before = this.#listed[0]?.seed.epoch;
    const hasBegun = ({ seed }: KeyGeneration): boolean => seed.madeAtMs <= now;
    this.#generations = generations
      .map((each, index) => cutShort(each, generations.slice(0, index).filter(hasBegun)))
      .filter(({ seed }) => seed.destroyAtMs > now);
    const begun = this.#generations.filter(hasBegun);
    // Where all are for a time to come, this clock is behind: the first of them will do.
    this.#listed = begun.length > 0 ? begun : this.#generations.slice(-1);
    this.#encoded = encodeKeyConfigs(this.#listed.slice(0, MAX_LISTED_GENERATIONS).flatMap(({ configs }) => configs));
    // Keys go when their time is over, not when somebody next asks for one.
    clearTimeout(this.#timer);
    const changes = this.#generations.flatMap(({ seed }) => [seed.destroyAtMs, seed.madeAtMs]);
    this.#changesAtMs = Math.min(...changes.filter((time) => time > now));
    if (this.#changesAtMs !== Number.POSITIVE_INFINITY) {
      const delayMs = Math.min(this.#changesAtMs - now, MAX_TIMER_MS);
      this.#timer = setTimeout(() => this.#serve(this.#generations), delayMs).unref();
    }
    if (this.#listed.length > 0 && this.#listed[0]?.seed.epoch !== before) this.#onListed();
  }
}

/** A generation that is followed before its time ends its overlap from there. */
function cutShort(generation: KeyGeneration, newer: readonly KeyGeneration[]): KeyGeneration {
  const ends = newer.map(({ seed, overlapMs }) => seed.madeAtMs + overlapMs);
  const destroyAtMs = Math.min(generation.seed.destroyAtMs, ...ends);
  return { ...generation, seed: { ...generation.seed, destroyAtMs } };
}
