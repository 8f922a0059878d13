import { createHash } from 'node:crypto';
import { apiError, type SecurityTier } from '@sotto/protocol';
import type { HeaderFields } from '../http/exchange.ts';

/** What an API key allows. Undefined means without limit. */
export interface KeyRecord {
  readonly name: string;
  /** Model ids; one that ends in `*` stands for all that begin so. */
  readonly models: readonly string[] | undefined;
  readonly tiers: readonly SecurityTier[] | undefined;
  readonly requestsPerMinute: number | undefined;
  readonly requestsPerDay: number | undefined;
}

/** Whoever sent a request. */
export type Caller = KeyRecord;

/** The caller of a router with `auth: open`. */
const ANYBODY: Caller = {
  name: 'anybody',
  models: undefined,
  tiers: undefined,
  requestsPerMinute: undefined,
  requestsPerDay: undefined,
};

/**
 * The API keys, by SHA-256: a key has at least as many bits as the hash can be searched for, and looking a hash up
 * takes a time that tells nothing of the key.
 */
export class KeyRing {
  readonly #byHash: ReadonlyMap<string, KeyRecord> | null;

  /** @param keys the keys in clear with their records; null lets everybody in */
  constructor(keys: Iterable<readonly [key: string, record: KeyRecord]> | null) {
    this.#byHash = keys === null ? null : new Map(Array.from(keys, ([key, record]) => [hash(key), record]));
  }

  /**
   * Finds who sends a request, from `Authorization: Bearer` or `X-API-Key`.
   * @throws AuthenticationError `missing_api_key`, `invalid_api_key`
   */
  authenticate(headers: HeaderFields): Caller {
    if (this.#byHash === null) return ANYBODY;
    const key = readKey(headers);
    if (key === null) {
      throw apiError('missing_api_key', 'an API key is needed: send Authorization: Bearer YOUR_KEY, or X-API-Key');
    }
    const record = this.#byHash.get(hash(key));
    if (record === undefined) throw apiError('invalid_api_key', 'the API key is not known here');
    return record;
  }
}

function readKey(headers: HeaderFields): string | null {
  const [, bearer] = /^Bearer +(\S+) *$/i.exec(headers['authorization'] ?? '') ?? [];
  const key = bearer ?? headers['x-api-key'];
  return key === undefined || key === '' ? null : key;
}

function hash(key: string): string {
  return createHash('sha256').update(key).digest('base64');
}

/** Whether a caller may use a model. */
export function allowsModel(caller: Caller, model: string): boolean {
  if (caller.models === undefined) return true;
  return caller.models.some((pattern) =>
    pattern.endsWith('*') ? model.startsWith(pattern.slice(0, -1)) : pattern === model,
  );
}

/** Whether a caller may use a tier. */
export function allowsTier(caller: Caller, tier: SecurityTier): boolean {
  return caller.tiers?.includes(tier) ?? true;
}
