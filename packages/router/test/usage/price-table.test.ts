import { describe, expect, test } from 'vitest';
import { PriceTable } from '../../src/usage/price-table.ts';

const dollar = { inputPerMillion: 1, outputPerMillion: 1 };
const two = { inputPerMillion: 2, outputPerMillion: 2 };
const dear = { inputPerMillion: 1, outputPerMillion: 8 };
const used = { promptTokens: 1, cachedTokens: 0, completionTokens: 0 };

describe('a table of prices', () => {
  test('goes by the name that was asked for, else by the upstream’s own', () => {
    const table = new PriceTable([
      ['fast', dollar],
      ['llama', two],
    ]);
    expect(table.cost('fast', 'llama', used)).toBe(1_000);
    expect(table.cost('alias', 'llama', used)).toBe(2_000);
    expect(table.cost('up0/llama', 'llama', used)).toBe(2_000);
    expect(table.cost('alias', 'other', used)).toBe(0);
  });

  test('finds the price of an alias’s target that names its upstream', () => {
    const table = new PriceTable([['openai/gpt-4', two]], (model) => (model === 'gpt-4' ? ['openai/gpt-4'] : []));
    expect(table.cost('gpt-4', 'gpt-4', used)).toBe(2_000);
    expect(table.estimate('gpt-4', 10)).toBe(20_000);
  });

  test('estimates with the dearest of what may answer, and the dearest kind of token', () => {
    const targets = ['up0/a', 'b', 'unpriced'];
    const table = new PriceTable(
      [
        ['a', dear],
        ['b', two],
        ['own', { inputPerMillion: 3, outputPerMillion: 1 }],
      ],
      (model) => (model === 'either' ? targets : []),
    );
    expect(table.estimate('either', 10)).toBe(80_000);
    expect(table.estimate('up1/b', 10)).toBe(20_000);
    expect(table.estimate('own', 10)).toBe(30_000);
    expect(table.estimate('unpriced', 10)).toBe(0);
  });

  test('has no price for the names of an object’s members', () => {
    const table = new PriceTable(Object.entries({ m: dollar }));
    expect(table.cost('constructor', '__proto__', used)).toBe(0);
  });
});
