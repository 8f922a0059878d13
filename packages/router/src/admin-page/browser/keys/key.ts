import type { AdminApi } from '../admin-api.ts';
import { asMembers, flagAt, listAt, type Members, numberAt, orNull, textAt, textsAt } from '../json-shape.ts';

/** What a key may be set to. Null is without limit. */
export interface KeyTerms {
  readonly name: string;
  readonly models: readonly string[] | null;
  readonly tiers: readonly string[] | null;
  readonly defaultTier: string | null;
  readonly limits: KeyLimits;
  readonly budget: { readonly usd: number; readonly period: string } | null;
  /** ISO 8601. */
  readonly expiresAt: string | null;
}

/** How much a key may ask for. */
export interface KeyLimits {
  readonly requestsPerMinute: number | null;
  readonly requestsPerDay: number | null;
  readonly tokensPerMinute: number | null;
}

/** A virtual key, as the router lists it. */
export interface ListedKey extends KeyTerms {
  readonly id: string;
  readonly source: string;
  readonly hint: string;
  readonly state: string;
}

/** Some keys, and whether there are more. */
export interface KeyPage {
  readonly keys: readonly ListedKey[];
  readonly hasMore: boolean;
}

/** The most that the router lists at once. */
const MAX_PAGE = 1_000;

/** Asks for the first `wanted` keys. @throws ApiFailure, UnexpectedAnswer */
export async function loadKeys(api: AdminApi, wanted: number, signal?: AbortSignal): Promise<KeyPage> {
  const keys: ListedKey[] = [];
  for (;;) {
    const query = new URLSearchParams({ limit: String(Math.min(wanted - keys.length, MAX_PAGE)) });
    const last = keys.at(-1);
    if (last !== undefined) query.set('after', last.id);
    const answer = asMembers(await api.json(`v1/keys?${query}`, { signal }));
    const page = listAt(answer, 'data', keyOf);
    keys.push(...page);
    const hasMore = flagAt(answer, 'hasMore');
    if (!hasMore || page.length === 0 || keys.length >= wanted) return { keys, hasMore };
  }
}

/** @throws UnexpectedAnswer */
export function keyOf(value: unknown): ListedKey {
  const key = asMembers(value);
  const limits = asMembers(key['limits'], 'limits');
  return {
    id: textAt(key, 'id'),
    name: textAt(key, 'name'),
    source: textAt(key, 'source'),
    hint: textAt(key, 'hint'),
    state: textAt(key, 'state'),
    models: orNull(textsAt, key, 'models'),
    tiers: orNull(textsAt, key, 'tiers'),
    defaultTier: orNull(textAt, key, 'defaultTier'),
    limits: {
      requestsPerMinute: orNull(numberAt, limits, 'requestsPerMinute'),
      requestsPerDay: orNull(numberAt, limits, 'requestsPerDay'),
      tokensPerMinute: orNull(numberAt, limits, 'tokensPerMinute'),
    },
    budget: orNull(budgetAt, key, 'budget'),
    expiresAt: orNull(textAt, key, 'expiresAt'),
  };
}

function budgetAt(members: Members, name: string): KeyTerms['budget'] {
  const budget = asMembers(members[name], name);
  return { usd: numberAt(budget, 'usd'), period: textAt(budget, 'period') };
}

/** The members that differ: what somebody else has changed meanwhile stays as they made it. */
export function changesBetween(before: KeyTerms, after: KeyTerms): Partial<KeyTerms> {
  const members = ['name', 'models', 'tiers', 'defaultTier', 'limits', 'budget', 'expiresAt'] as const;
  const changed = members.filter((member) => JSON.stringify(before[member]) !== JSON.stringify(after[member]));
  return Object.fromEntries(changed.map((member) => [member, after[member]]));
}
