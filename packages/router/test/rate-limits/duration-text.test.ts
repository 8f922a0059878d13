import { expect, test } from 'vitest';
import { durationText } from '../../src/rate-limits/duration-text.ts';

test.each([
  [0, '0ms'],
  [-5, '0ms'],
  [0.2, '1ms'],
  [12, '12ms'],
  [999, '999ms'],
  [999.5, '1s'],
  [1_000, '1s'],
  [1_001, '2s'],
  [59_000, '59s'],
  [60_000, '1m0s'],
  [90_000, '1m30s'],
  [360_000, '6m0s'],
  [3_600_000, '1h0m0s'],
  [86_400_000, '24h0m0s'],
])('%d ms is written %s, as OpenAI does', (milliseconds, text) => {
  expect(durationText(milliseconds)).toBe(text);
});
