import { apiError, type SecurityTier } from '@sotto/protocol';
import { bearerToken } from '../http/bearer-token.ts';
import type { HeaderFields } from '../http/exchange.ts';
import type { KeyHash } from './key-hash.ts';
import type { VirtualKey } from './virtual-key.ts';

/** A virtual key, and its hash to find it by. */
export interface HashedKey extends VirtualKey {
  /** As {@link KeyHash} makes it. */
  readonly hash: string;
}

/** Whoever sent a request. */
export type Caller = VirtualKey;

/** The caller of a router with `auth: open`. */
const ANYBODY: Caller = {
  id: 'anybody',
  name: 'anybody',
  models: undefined,
  tiers: undefined,
  defaultTier: undefined,
  requestsPerMinute: undefined,
  requestsPerDay: undefined,
  tokensPerMinute: undefined,
  budget: undefined,
  expiresAtMs: null,
  revokedAtMs: null,
};

/**
 * The virtual keys of now, in memory by their keyed hash. Whatever becomes of a key, the same hash is made and the same
 * map is asked; and what the map compares tells nothing of a key, for nobody else can make the hash.
 */
export class KeyRing {
  #configured: readonly HashedKey[];
  #stored: ReadonlyMap<string, HashedKey> = new Map();
  readonly #isOpen: boolean;
  readonly #keyHash: KeyHash;
  readonly #now: () => number;
  #byHash: ReadonlyMap<string, HashedKey>;

  /** @param configured the configuration's keys; null lets everybody in */
  constructor(configured: readonly HashedKey[] | null, keyHash: KeyHash, now: () => number = Date.now) {
    this.#configured = configured ?? [];
    this.#isOpen = configured === null;
    this.#keyHash = keyHash;
    this.#now = now;
    this.#byHash = index(this.#configured);
  }

  /** Those of the configuration, in its order. */
  get configured(): readonly HashedKey[] {
    return this.#configured;
  }

  /**
   * Finds who sends a request, from `Authorization: Bearer`, `X-API-Key` or `api-key`.
   * @throws AuthenticationError `missing_api_key`, `invalid_api_key`, `api_key_revoked`, `api_key_expired`
   */
  authenticate(headers: HeaderFields): Caller {
    if (this.#isOpen) return ANYBODY;
    const presented = readKey(headers);
    if (presented === null) {
      throw apiError('missing_api_key', 'an API key is needed: send Authorization: Bearer YOUR_KEY, or X-API-Key');
    }
    const key = this.#byHash.get(this.#keyHash.ofKey(presented));
    if (key === undefined) throw apiError('invalid_api_key', 'the API key is not known here');
    if (key.revokedAtMs !== null) throw apiError('api_key_revoked', 'the API key has been revoked: ask for another');
    if (key.expiresAtMs !== null && key.expiresAtMs <= this.#now()) {
      throw apiError('api_key_expired', 'the API key has expired: ask for another');
    }
    return key;
  }

  /** Every key of now, those of the configuration among them. */
  get all(): readonly HashedKey[] {
    return [...this.#byHash.values()];
  }

  /** Replaces the keys of the configuration, all at once. */
  configure(keys: readonly HashedKey[]): void {
    this.#configured = keys;
    this.#index();
  }

  /** Replaces the keys beside those of the configuration, all at once. */
  replace(stored: readonly HashedKey[]): void {
    this.#stored = index(stored);
    this.#index();
  }

  /** Adds a key beside those of the configuration, or changes one. */
  put(key: HashedKey): void {
    this.#stored = new Map(this.#stored).set(key.hash, key);
    this.#index();
  }

  #index(): void {
    this.#byHash = new Map([...this.#stored, ...index(this.#configured)]);
  }
}

/** Of two entries for one key the last counts. */
function index(keys: readonly HashedKey[]): Map<string, HashedKey> {
  return new Map(keys.map((key) => [key.hash, key]));
}

function readKey(headers: HeaderFields): string | null {
  const key = bearerToken(headers) ?? headers['x-api-key'] ?? headers['api-key'];
  return key === undefined || key === '' ? null : key;
}

/** Whether a caller may use a model. */
export function allowsModel({ models }: Caller, model: string): boolean {
  if (models === undefined) return true;
  return models.some((pattern) => (pattern.endsWith('*') ? model.startsWith(pattern.slice(0, -1)) : pattern === model));
}

/** Whether a caller may use a tier. */
export function allowsTier({ tiers }: Caller, tier: SecurityTier): boolean {
  return tiers?.includes(tier) ?? true;
}
