import type { HpkeKeyPair } from '@sotto/protocol/hpke';
import { encodeKeyConfigs, type GatewayKey } from '@sotto/protocol/ohttp';
import { deriveGeneration, type GenerationSeed, type KeyGeneration } from './key-generation.ts';

/** The keys that requests may be sealed to now: the newest generation first, then those in their overlap. */
export class KeySchedule {
  readonly #now: () => number;
  #generations: readonly KeyGeneration[] = [];
  #encoded: Uint8Array = new Uint8Array(0);

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
    this.#generations = [generation, ...earlier];
    this.#destroyExpired();
    this.#encoded = encodeKeyConfigs(this.#generations.flatMap(({ configs }) => configs));
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

  /** The key that ehbp requests are sealed to. */
  get ehbpKeyPair(): HpkeKeyPair {
    return this.current.ehbpKeyPair;
  }

  /** How long clients may keep the configurations: until the next generation is due. Whole seconds. */
  get maxAgeSeconds(): number {
    return Math.max(0, Math.floor((this.current.seed.rotateAtMs - this.#now()) / 1000));
  }

  /** From then on nothing sealed to an expired key can be opened here, by anybody: that is the forward secrecy. */
  #destroyExpired(): void {
    const now = this.#now();
    if (this.#generations.every(({ seed }) => seed.destroyAtMs > now)) return;
    this.#generations = this.#generations.filter(({ seed }) => seed.destroyAtMs > now);
    this.#encoded = encodeKeyConfigs(this.#generations.flatMap(({ configs }) => configs));
  }
}
