import { Buffer } from 'node:buffer';
import type { Redis } from 'ioredis';
import { z } from 'zod';
import type { GenerationSeed } from '../hpke-keys/key-generation.ts';
import { type GenerationBoard, idOf } from '../hpke-keys/shared-rotation.ts';
import type { ClusterSeal } from './cluster-seal.ts';

/** The keys that last are forgotten when no replica has been there for this long. */
const STANDING_TTL_MS = 86_400_000;
/** Generations that are read at once; nobody makes that many. */
const MAX_GENERATIONS = 256;

/** The keys that all replicas have and that do not rotate. */
export interface StandingKeys {
  /** PKCS#8 DER in base64; null without nomyo-v1. */
  readonly rsaPkcs8: string | null;
  /** PKCS#8 PEM. */
  readonly identityPem: string;
  /** The receipts' key, PKCS#8 PEM. */
  readonly receiptPem: string;
}

const standingSchema = z.strictObject({
  rsaPkcs8: z.string().nullable(),
  identityPem: z.string(),
  receiptPem: z.string(),
});

const seedSchema = z.strictObject({
  firstKeyId: z.int().min(0).max(255),
  epoch: z.int().min(0),
  madeAtMs: z.int().min(0),
  rotateAtMs: z.int().min(0),
  destroyAtMs: z.int().min(0),
  secrets: z.array(z.string().length(44)).length(3),
});

/** Puts up a generation if the newest that is up has the epoch it follows. KEYS: index, record; ARGV: after, id, epoch, record, ms. */
const POST = `
  local newest = redis.call('zrange', KEYS[1], -1, -1, 'withscores')
  if (newest[2] or 'none') ~= ARGV[1] then return 0 end
  redis.call('zadd', KEYS[1], ARGV[3], ARGV[2])
  redis.call('pexpire', KEYS[1], ARGV[5])
  redis.call('set', KEYS[2], ARGV[4], 'PX', ARGV[5])
  return 1`;

/**
 * What the replicas of a cluster keep in Redis, all of it sealed: their standing keys, and each generation of HPKE keys
 * for exactly as long as it lives.
 */
export class ClusterRecords implements GenerationBoard {
  readonly #client: Redis;
  readonly #seal: ClusterSeal;
  readonly #prefix: string;
  readonly #index: string;
  readonly #tell: () => void;

  /** @param tell tells the other replicas to read the board anew */
  constructor(client: Redis, seal: ClusterSeal, name: string, tell: () => void) {
    this.#client = client;
    this.#seal = seal;
    this.#prefix = `sotto:cluster:${name}:`;
    this.#index = `${this.#prefix}generations`;
    this.#tell = tell;
  }

  /**
   * The standing keys of the cluster: those that are up, else the ones given, which are then up.
   * @returns null where what is up was sealed under another secret
   */
  async standing(make: () => Promise<StandingKeys>): Promise<StandingKeys | null> {
    const place = `${this.#prefix}standing`;
    for (;;) {
      const present = await this.#client.getBuffer(place);
      if (present !== null) {
        const plaintext = this.#seal.open(place, present);
        if (plaintext === null) return null;
        await this.#client.pexpire(place, STANDING_TTL_MS);
        return standingSchema.parse(JSON.parse(plaintext.toString()));
      }
      // Of several that come first at the same time one is faster, and the others read what it put up.
      await this.keep(await make());
    }
  }

  /** Has the standing keys stay up, and puts them up again where they were lost. */
  async keep(keys: StandingKeys): Promise<void> {
    const place = `${this.#prefix}standing`;
    const sealed = this.#seal.seal(place, Buffer.from(JSON.stringify(keys)));
    if ((await this.#client.set(place, sealed, 'PX', STANDING_TTL_MS, 'NX')) === null) {
      await this.#client.pexpire(place, STANDING_TTL_MS);
    }
  }

  async read(): Promise<readonly GenerationSeed[]> {
    const ids = await this.#client.zrevrange(this.#index, 0, MAX_GENERATIONS - 1);
    if (ids.length === 0) return [];
    const records = await this.#client.mgetBuffer(ids.map((id) => this.#placeOf(id)));
    const seeds = ids.map((id, index) => this.#openSeed(id, records[index] ?? null));
    // What is none of ours goes with what is over: one that calls itself the newest would keep ours from being put up.
    const gone = ids.filter((_, index) => seeds[index] === null);
    if (gone.length > 0) await this.#client.zrem(this.#index, ...gone);
    return seeds.filter((seed) => seed !== null);
  }

  async post(seed: GenerationSeed, after: number | null): Promise<boolean> {
    const { id, place, sealed, forMs } = this.#recordOf(seed);
    const args = [after ?? 'none', id, seed.epoch, sealed, forMs];
    const isUp = (await this.#client.eval(POST, 2, this.#index, place, ...args)) === 1;
    if (isUp) this.#tell();
    return isUp;
  }

  async restore(seeds: readonly GenerationSeed[]): Promise<void> {
    const writes = this.#client.multi();
    for (const seed of seeds) {
      const { id, place, sealed, forMs } = this.#recordOf(seed);
      writes.set(place, sealed, 'PX', forMs, 'NX').zadd(this.#index, seed.epoch, id).pexpire(this.#index, forMs);
    }
    await writes.exec();
    this.#tell();
  }

  #recordOf(seed: GenerationSeed) {
    const id = idOf(seed);
    const place = this.#placeOf(id);
    const sealed = this.#seal.seal(place, Buffer.from(JSON.stringify(seed)));
    return { id, place, sealed, forMs: Math.max(1, Math.ceil(seed.destroyAtMs - Date.now())) };
  }

  /** Anybody may have written there: what was not sealed by a replica for this place is not there. */
  #openSeed(id: string, record: Buffer | null): GenerationSeed | null {
    const plaintext = record === null ? null : this.#seal.open(this.#placeOf(id), record);
    if (plaintext === null) return null;
    const parsed = seedSchema.safeParse(JSON.parse(plaintext.toString()));
    return parsed.success && idOf(parsed.data) === id ? parsed.data : null;
  }

  #placeOf(id: string): string {
    return `${this.#prefix}generation:${id}`;
  }
}
