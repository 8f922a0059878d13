import { describe, expect, test } from 'vitest';
import { estimatePromptTokens } from '../../src/openai/prompt-estimate.ts';

const estimate = (body: Record<string, unknown>): number => estimatePromptTokens(body, JSON.stringify(body).length);

describe('the estimate of a prompt', () => {
  test('is a quarter of its bytes', () => {
    expect(estimatePromptTokens({}, 401)).toBe(101);
    const content = 'word '.repeat(20_000);
    expect(estimate({ messages: [{ role: 'user', content }] })).toBe(Math.ceil((content.length + 4) / 4));
  });

  test('does not take an image for a book', () => {
    const url = `data:image/png;base64,${'A'.repeat(1_000_000)}`;
    const content = [{ type: 'image_url', image_url: { url } }, null, undefined, true];
    expect(estimate({ messages: [{ role: 'user', content }] })).toBeLessThan(1_100);
  });

  test('counts tokens one by one', () => {
    const prompt = Array.from({ length: 10_000 }, (_, index) => index);
    expect(estimate({ prompt })).toBe(10_000);
  });

  test('is made of lists nested deeper than a stack', () => {
    const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000)) as unknown;
    expect(estimatePromptTokens({ deep }, 200_000)).toBe(0);
  });
});
