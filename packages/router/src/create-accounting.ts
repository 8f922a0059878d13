import type { HeaderFields } from './http/exchange.ts';
import type { Reservation, Settlement, TokenUsage } from './openai/admission.ts';
import { type BudgetHolder, type BudgetReservation, Budgets } from './rate-limits/budgets.ts';
import { type LimiterFactory, memoryLimiters } from './rate-limits/limiter-factory.ts';
import { RequestLimits } from './rate-limits/request-limits.ts';
import { TokenLimits, type TokenReservation } from './rate-limits/token-limits.ts';
import { estimatedTokens, type ModelPrice, wholeTokens } from './usage/price.ts';
import { PriceTable } from './usage/price-table.ts';
import { UsageLedger } from './usage/usage-ledger.ts';
import type { UsageStore } from './usage/usage-store.ts';
import type { VirtualKey } from './virtual-keys/virtual-key.ts';

/** What the books need of the rest of the router. */
export interface AccountingOptions {
  readonly usage: UsageStore;
  /** By a model's name. */
  readonly prices: Iterable<readonly [model: string, price: ModelPrice]>;
  /** The models that an alias stands for now; none for a name that is no alias. */
  readonly targetsOf?: (model: string) => readonly string[];
  /** Where limits and budgets are counted; by default in this process's memory. */
  readonly makeLimiter?: LimiterFactory;
  /** Told of the tokens of every request. */
  readonly onUsed?: (usage: TokenUsage) => void;
  /** Told of counters that cannot be reached where no request can be told. */
  readonly onInternalError?: (error: unknown) => void;
  /** Told that usage could not be stored, and waits. */
  readonly onStoreError?: (error: unknown) => void;
  /** Told that usage which had to wait is stored. */
  readonly onStoreBack?: () => void;
}

/** What of a virtual key is counted against. */
export type CountedKey = Pick<VirtualKey, 'id' | 'requestsPerMinute' | 'requestsPerDay' | 'tokensPerMinute' | 'budget'>;

/** Limits, budgets, usage and costs: what is counted for each key. */
export interface Accounting {
  /**
   * Counts one request of a key, against the rights the key has at this moment.
   * @returns header fields that tell what is left
   * @throws RateLimitError `rate_limit_exceeded`
   */
  admitRequest(key: CountedKey): HeaderFields | Promise<HeaderFields>;
  /**
   * Sets aside what a model request may use, in tokens and money.
   * @param work the name of a model that there is, as it was asked for, and the tokens it may use at most
   * @throws RateLimitError `rate_limit_exceeded`
   * @throws APIError `budget_exceeded`
   */
  reserve(key: CountedKey, work: { readonly model: string; readonly tokens: number }): Promise<Reservation>;
  /** What was used, for the admin API and the metrics. */
  readonly ledger: UsageLedger;
  /**
   * Has the budgets' counts begin with what the keys spent before: at the start with all keys, with one whose budget
   * was changed, and with all again when counts come to be held elsewhere.
   * @throws ServiceUnavailableError `store_unavailable`
   */
  seedBudgets(keys: Iterable<BudgetHolder>): Promise<void>;
  /** Has requests that end from now on be charged by other prices. */
  setPrices(prices: AccountingOptions['prices']): void;
  /** Stores the usage that is not stored yet. @throws ServiceUnavailableError `store_unavailable` where it is lost */
  close(): Promise<void>;
}

const NO_HEADERS: HeaderFields = Object.freeze({});

/** Opens the books. */
export function createAccounting(options: AccountingOptions): Accounting {
  const makeLimiter = options.makeLimiter ?? memoryLimiters;
  const requests = new RequestLimits(makeLimiter);
  const tokenLimits = new TokenLimits(makeLimiter);
  const budgets = new Budgets(makeLimiter);
  let prices = new PriceTable(options.prices, options.targetsOf);
  const onInternalError = options.onInternalError ?? (() => {});
  const { onStoreError = onInternalError, onStoreBack = () => {} } = options;
  const ledger = new UsageLedger(options.usage, { onStoreError, onStoreBack });

  const settle = (keyId: string, model: string, held: Held | null, settlement: Settlement): void => {
    const { outcome, usage, upstreamModel } = settlement;
    if (usage !== null) options.onUsed?.(usage);
    const costNanoUsd = usage === null ? 0 : prices.cost(model, upstreamModel ?? model, usage);
    ledger.record({ keyId, model, outcome, tokens: usage, costNanoUsd });
    if (held === null) return;
    const used = usage === null ? 0 : wholeTokens(usage.promptTokens) + wholeTokens(usage.completionTokens);
    held.tokens?.settle(used).catch(onInternalError);
    held.money?.settle(costNanoUsd).catch(onInternalError);
  };

  const setAside = async (key: CountedKey, model: string, estimate: number): Promise<Held> => {
    const tokens =
      key.tokensPerMinute === undefined ? null : await tokenLimits.reserve(key.id, key.tokensPerMinute, estimate);
    if (key.budget === undefined) return { tokens, money: null };
    try {
      return { tokens, money: await budgets.reserve(key.id, key.budget, prices.estimate(model, estimate)) };
    } catch (error) {
      await tokens?.settle(0).catch(onInternalError);
      throw error;
    }
  };

  return {
    admitRequest: (key) => {
      const { id: name, requestsPerMinute, requestsPerDay } = key;
      return requests.admit({ name, requestsPerMinute, requestsPerDay });
    },
    reserve: async (key, { model, tokens }) => {
      const isLimited = key.tokensPerMinute !== undefined || key.budget !== undefined;
      const held = isLimited ? await setAside(key, model, estimatedTokens(tokens)) : null;
      return {
        headers: held?.tokens?.headers ?? NO_HEADERS,
        settle: (settlement) => settle(key.id, model, held, settlement),
      };
    },
    ledger,
    seedBudgets: (keys) => budgets.seed(keys, (day) => ledger.spentSince(day)),
    setPrices: (changed) => {
      prices = new PriceTable(changed, options.targetsOf);
    },
    close: () => ledger.close(),
  };
}

/** What is set aside for a request under way. */
interface Held {
  readonly tokens: TokenReservation | null;
  readonly money: BudgetReservation | null;
}
