import type { SecurityTier } from '@sotto/protocol';
import type { HeaderFields } from '../http/exchange.ts';
import type { TokenUsage } from '../upstreams/token-usage.ts';

export type { TokenUsage } from '../upstreams/token-usage.ts';

/** How a request ended, for whoever counts and charges. */
export interface Settlement {
  /** `cancelled`: its caller went away before the end. */
  readonly outcome: 'answered' | 'failed' | 'cancelled';
  /** Null where no upstream took the request up; an estimate where the upstream did not say. */
  readonly usage: TokenUsage | null;
  /** The upstream's own name of the model that answered: prices may be given for it. Null where none did. */
  readonly upstreamModel: string | null;
}

/** What was set aside for a request under way. */
export interface Reservation {
  /** Header fields that tell what is left. */
  readonly headers: HeaderFields;
  /** Replaces what was set aside by what was used. Called exactly once; never throws. */
  settle(settlement: Settlement): void;
}

/** Whoever sent a request: what they may do, and what is counted for them. */
export interface Admission {
  /** The virtual key's id. */
  readonly keyId: string;
  readonly defaultTier: SecurityTier | undefined;
  allowsModel(model: string): boolean;
  allowsTier(tier: SecurityTier): boolean;
  /**
   * Sets aside what a model request may use, in tokens and money.
   * @param model the name the caller asked for
   * @throws RateLimitError `rate_limit_exceeded`
   * @throws APIError `budget_exceeded`
   */
  reserve(work: { readonly model: string; readonly tokens: number }): Promise<Reservation>;
}
