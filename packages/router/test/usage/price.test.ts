import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  costNanoUsd,
  estimatedTokens,
  isExactPrice,
  MAX_PRICE_USD,
  tokenPrice,
  wholeTokens,
} from '../../src/usage/price.ts';

const tokens = (promptTokens: number, cachedTokens: number, completionTokens: number) => ({
  promptTokens,
  cachedTokens,
  completionTokens,
});

describe('a cost', () => {
  test('is that of a published price list', () => {
    // $0.15 in, $0.075 cached, $0.60 out per million: 1,000 prompt tokens, 400 of them cached, and 500 of answer.
    const price = tokenPrice({ inputPerMillion: 0.15, cachedInputPerMillion: 0.075, outputPerMillion: 0.6 });
    expect(costNanoUsd(price, tokens(1_000, 400, 500))).toBe(600 * 150 + 400 * 75 + 500 * 600);
  });

  test('takes cached tokens for ordinary ones where they have no price of their own', () => {
    const price = tokenPrice({ inputPerMillion: 3, outputPerMillion: 15 });
    expect(costNanoUsd(price, tokens(10, 10, 0))).toBe(10 * 3_000);
  });

  test('has the price of the request in it, even with no token', () => {
    const price = tokenPrice({ inputPerMillion: 0, outputPerMillion: 0, requestUsd: 0.000001 });
    expect(costNanoUsd(price, tokens(0, 0, 0))).toBe(1_000);
    expect(costNanoUsd(price, tokens(9, 0, 9))).toBe(1_000);
  });

  test('rounds a part of a billionth up', () => {
    const price = tokenPrice({ inputPerMillion: 0.0375, outputPerMillion: 0.000001 });
    expect(costNanoUsd(price, tokens(1, 0, 0))).toBe(38);
    expect(costNanoUsd(price, tokens(2, 0, 0))).toBe(75);
    expect(costNanoUsd(price, tokens(0, 0, 1))).toBe(1);
  });

  test('is exact at any price and length, as whole numbers of any size would have it', () => {
    const micros = fc.integer({ min: 0, max: MAX_PRICE_USD * 1_000_000 });
    const count = fc.integer({ min: 0, max: 100_000_000 });
    fc.assert(
      fc.property(micros, micros, micros, count, count, count, (input, cachedInput, output, prompt, cached, answer) => {
        const price = tokenPrice({
          inputPerMillion: input / 1_000_000,
          cachedInputPerMillion: cachedInput / 1_000_000,
          outputPerMillion: output / 1_000_000,
        });
        const cachedOfPrompt = Math.min(cached, prompt);
        const pico =
          BigInt(prompt - cachedOfPrompt) * BigInt(input) +
          BigInt(cachedOfPrompt) * BigInt(cachedInput) +
          BigInt(answer) * BigInt(output);
        const cost = costNanoUsd(price, tokens(prompt, cached, answer));
        expect(Number.isSafeInteger(cost)).toBe(true);
        expect(BigInt(cost)).toBe((pico + 999n) / 1_000n);
      }),
    );
  });

  test('counts what no upstream can mean as nothing, and bounds what it can', () => {
    const price = tokenPrice({ inputPerMillion: 1, outputPerMillion: 1 });
    for (const odd of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(costNanoUsd(price, tokens(odd, odd, odd))).toBe(0);
      expect(wholeTokens(odd)).toBe(0);
    }
    expect(wholeTokens(Number.MAX_SAFE_INTEGER)).toBe(100_000_000);
    // More cached tokens than the prompt has.
    expect(costNanoUsd(price, tokens(1, 5, 0))).toBe(1_000);
  });
});

test('a price has six decimals at most', () => {
  for (const price of [0, 0.15, 0.0375, 0.000001, 1.1, 9_999.999999]) expect(isExactPrice(price)).toBe(true);
  for (const price of [0.0000001, 1.0000005, 0.1234567]) expect(isExactPrice(price)).toBe(false);
});

test('an estimate that is no number is the largest there is', () => {
  expect([0, 1.2, 77].map(estimatedTokens)).toEqual([0, 2, 77]);
  for (const odd of [Number.NaN, Number.POSITIVE_INFINITY, -1, 1e300]) expect(estimatedTokens(odd)).toBe(100_000_000);
});
