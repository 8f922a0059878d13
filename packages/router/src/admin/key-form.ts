import { apiError } from '@sotto/protocol';
import type { z } from 'zod';
import type { ImportedKey, KeyDefinition, ListedKey } from '../virtual-keys/key-registry.ts';
import type { KeyChanges } from '../virtual-keys/key-store.ts';
import type { Budget, VirtualKey } from '../virtual-keys/virtual-key.ts';
import type { keyChangesSchema, keyImportSchema, keySchema, newKeySchema } from './key-schema.ts';

type NewKey = z.output<typeof newKeySchema>;
type Changes = z.output<typeof keyChangesSchema>;

const NANO_USD = 1_000_000_000;

/** What a new key is to be. @throws InvalidRequestError `invalid_request` */
export function definitionOf(form: NewKey, nowMs: number): KeyDefinition {
  const { models, tiers, defaultTier, limits, budget, expiresAt } = form;
  const definition: KeyDefinition = {
    name: form.name,
    models: models ?? undefined,
    tiers: tiers ?? undefined,
    defaultTier: defaultTier ?? undefined,
    requestsPerMinute: limits?.requestsPerMinute ?? undefined,
    requestsPerDay: limits?.requestsPerDay ?? undefined,
    tokensPerMinute: limits?.tokensPerMinute ?? undefined,
    budget: budgetOf(budget),
    expiresAtMs: expiryOf(expiresAt, nowMs),
  };
  checkDefaultTier(definition);
  return definition;
}

/** What an imported key is to be. @throws InvalidRequestError `invalid_request` */
export function importedKeyOf(form: z.output<typeof keyImportSchema>['keys'][number], nowMs: number): ImportedKey {
  const { key, sha256, ...rest } = form;
  const definition = definitionOf(rest, nowMs);
  if (key !== undefined) return { ...definition, key };
  if (sha256 !== undefined) return { ...definition, sha256 };
  throw apiError('invalid_request', 'give key or sha256, one of them', { param: 'keys' });
}

/** What is to change of a key: the members that the form has. @throws InvalidRequestError `invalid_request` */
export function changesOf(form: Changes, present: VirtualKey, nowMs: number): KeyChanges {
  const { name, models, tiers, defaultTier, limits, budget, expiresAt } = form;
  const changes: KeyChanges = {
    ...(name === undefined ? {} : { name }),
    ...(models === undefined ? {} : { models: models ?? undefined }),
    ...(tiers === undefined ? {} : { tiers: tiers ?? undefined }),
    ...(defaultTier === undefined ? {} : { defaultTier: defaultTier ?? undefined }),
    ...limitChanges(limits),
    ...(budget === undefined ? {} : { budget: budgetOf(budget) }),
    ...(expiresAt === undefined ? {} : { expiresAtMs: expiryOf(expiresAt, nowMs) }),
  };
  checkDefaultTier({ ...present, ...changes });
  return changes;
}

function limitChanges(limits: Changes['limits']): KeyChanges {
  if (limits === undefined) return {};
  if (limits === null) return { requestsPerMinute: undefined, requestsPerDay: undefined, tokensPerMinute: undefined };
  const { requestsPerMinute, requestsPerDay, tokensPerMinute } = limits;
  return {
    ...(requestsPerMinute === undefined ? {} : { requestsPerMinute: requestsPerMinute ?? undefined }),
    ...(requestsPerDay === undefined ? {} : { requestsPerDay: requestsPerDay ?? undefined }),
    ...(tokensPerMinute === undefined ? {} : { tokensPerMinute: tokensPerMinute ?? undefined }),
  };
}

function budgetOf(budget: NewKey['budget']): Budget | undefined {
  if (budget === undefined || budget === null) return undefined;
  return { nanoUsd: Math.round(budget.usd * NANO_USD), period: budget.period };
}

function expiryOf(expiresAt: NewKey['expiresAt'], nowMs: number): number | null {
  if (expiresAt === undefined || expiresAt === null) return null;
  const expiresAtMs = Date.parse(expiresAt);
  // `>` also refuses what is no time: a key without an end must be asked for.
  if (expiresAtMs > nowMs) return expiresAtMs;
  throw apiError('invalid_request', 'expiresAt: this time has passed', { param: 'expiresAt' });
}

function checkDefaultTier({ tiers, defaultTier }: Pick<KeyDefinition, 'tiers' | 'defaultTier'>): void {
  if (tiers === undefined || defaultTier === undefined || tiers.includes(defaultTier)) return;
  throw apiError('invalid_request', 'defaultTier: it must be one of tiers', { param: 'defaultTier' });
}

/** A key as it is shown. */
export function keyView(key: ListedKey, nowMs: number): z.output<typeof keySchema> {
  const { id, name, source, hint, models, tiers, defaultTier, budget } = key;
  return {
    id,
    name,
    source,
    hint,
    state: stateOf(key, nowMs),
    models: models ?? null,
    tiers: tiers ?? null,
    defaultTier: defaultTier ?? null,
    limits: {
      requestsPerMinute: key.requestsPerMinute ?? null,
      requestsPerDay: key.requestsPerDay ?? null,
      tokensPerMinute: key.tokensPerMinute ?? null,
    },
    budget: budget === undefined ? null : { usd: budget.nanoUsd / NANO_USD, period: budget.period },
    createdAt: isoTime(key.createdAtMs),
    expiresAt: isoTime(key.expiresAtMs),
    revokedAt: isoTime(key.revokedAtMs),
  };
}

function stateOf({ revokedAtMs, expiresAtMs }: VirtualKey, nowMs: number): 'active' | 'expired' | 'revoked' {
  if (revokedAtMs !== null) return 'revoked';
  return expiresAtMs !== null && expiresAtMs <= nowMs ? 'expired' : 'active';
}

function isoTime(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
