import type { SecurityTier } from '@sotto/protocol';

/** How much a key may spend. */
export interface Budget {
  /** In billionths of a US dollar: a whole number, at any price a token. */
  readonly nanoUsd: number;
  /** When it begins anew: with the day or the month in UTC, or never. */
  readonly period: 'day' | 'month' | 'total';
}

/** What an API key allows. Undefined means without limit. */
export interface KeyRights {
  /** Model ids; one that ends in `*` stands for all that begin so. */
  readonly models: readonly string[] | undefined;
  readonly tiers: readonly SecurityTier[] | undefined;
  /** For requests that name no tier. */
  readonly defaultTier: SecurityTier | undefined;
  readonly requestsPerMinute: number | undefined;
  readonly requestsPerDay: number | undefined;
  readonly tokensPerMinute: number | undefined;
  readonly budget: Budget | undefined;
}

/** A virtual key, without the key itself: nobody holds that but its owner. */
export interface VirtualKey extends KeyRights {
  /** `key_` and 24 hexadecimal digits; of a key in the configuration, `config:` and its name. */
  readonly id: string;
  readonly name: string;
  /** Unix time in milliseconds; null: never. */
  readonly expiresAtMs: number | null;
  /** Unix time in milliseconds; null: it is not. */
  readonly revokedAtMs: number | null;
}
