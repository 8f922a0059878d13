/** What a model costs, in US dollars; at most six decimals each. */
export interface ModelPrice {
  /** A million tokens of prompt. */
  readonly inputPerMillion: number;
  /** A million tokens of prompt that were read from the upstream's cache; by default as any other. */
  readonly cachedInputPerMillion?: number | undefined;
  /** A million tokens of answer. */
  readonly outputPerMillion: number;
  /** Each request, whatever its length. */
  readonly requestUsd?: number | undefined;
}

/** Tokens of one request. */
export interface PricedTokens {
  readonly promptTokens: number;
  /** Of the prompt's. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

/** A price in whole trillionths of a US dollar, so that a price of six decimals a million tokens is exact. */
export interface TokenPrice {
  readonly inputPicoUsd: number;
  readonly cachedInputPicoUsd: number;
  readonly outputPicoUsd: number;
  readonly requestPicoUsd: number;
}

/** Highest price of a million tokens, in US dollars: with `MAX_TOKENS` it keeps every cost an exact number. */
export const MAX_PRICE_USD = 10_000;
/** Highest price of a request, in US dollars. */
export const MAX_REQUEST_PRICE_USD = 1_000;
/** Tokens of one kind that a request is charged for at most: a broken upstream may report any number. */
const MAX_TOKENS = 100_000_000;
const MILLION = 1_000_000;
const PICO_PER_NANO = 1_000;

/** Turns a price of the configuration into whole numbers. */
export function tokenPrice(price: ModelPrice): TokenPrice {
  return {
    // A dollar per million tokens is a million trillionths per token.
    inputPicoUsd: millionths(price.inputPerMillion),
    cachedInputPicoUsd: millionths(price.cachedInputPerMillion ?? price.inputPerMillion),
    outputPicoUsd: millionths(price.outputPerMillion),
    requestPicoUsd: millionths(price.requestUsd ?? 0) * MILLION,
  };
}

/** Whether a price has at most six decimals, and so can be charged exactly. */
export function isExactPrice(usd: number): boolean {
  return millionths(usd) / MILLION === usd;
}

/** What a request costs, in billionths of a US dollar; a part of one is charged as one. */
export function costNanoUsd(price: TokenPrice, tokens: PricedTokens): number {
  const prompt = wholeTokens(tokens.promptTokens);
  const cached = Math.min(wholeTokens(tokens.cachedTokens), prompt);
  const completion = wholeTokens(tokens.completionTokens);
  const sum =
    (prompt - cached) * price.inputPicoUsd +
    cached * price.cachedInputPicoUsd +
    completion * price.outputPicoUsd +
    price.requestPicoUsd;
  if (Number.isSafeInteger(sum)) {
    const part = sum % PICO_PER_NANO;
    return (sum - part) / PICO_PER_NANO + (part > 0 ? 1 : 0);
  }
  const exact =
    BigInt(prompt - cached) * BigInt(price.inputPicoUsd) +
    BigInt(cached) * BigInt(price.cachedInputPicoUsd) +
    BigInt(completion) * BigInt(price.outputPicoUsd) +
    BigInt(price.requestPicoUsd);
  return Number((exact + 999n) / 1_000n);
}

/** A number of tokens as an upstream may report it, as one that can be counted: anything odd is none. */
export function wholeTokens(tokens: number): number {
  return Number.isSafeInteger(tokens) && tokens > 0 ? Math.min(tokens, MAX_TOKENS) : 0;
}

/** A number of tokens that somebody asks for, as one to set aside: rounded up, and the most where it is none. */
export function estimatedTokens(tokens: number): number {
  return tokens >= 0 && tokens < MAX_TOKENS ? Math.ceil(tokens) : MAX_TOKENS;
}

function millionths(usd: number): number {
  return Math.round(usd * MILLION);
}
