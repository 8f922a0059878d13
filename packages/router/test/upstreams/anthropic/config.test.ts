import { expect, test } from 'vitest';
import { z } from 'zod';
import { anthropicFields } from '../../../src/upstreams/anthropic/config.ts';

const schema = z.strictObject(anthropicFields);

test('an upstream needs no more than its type', () => {
  expect(schema.parse({ type: 'anthropic' })).toEqual({
    type: 'anthropic',
    defaultMaxTokens: 4_096,
    version: '2023-06-01',
    beta: [],
  });
});

test.each([
  ['a limit of nothing', { defaultMaxTokens: 0 }],
  ['a version that is not spoken', { version: '2023-01-01' }],
  ['a beta that would break out of its field', { beta: ['a\r\nx-api-key: b'] }],
  ['two betas for one', { beta: ['a,b'] }],
])('a configuration with %s is refused', (_what, fields) => {
  expect(schema.safeParse({ type: 'anthropic', ...fields }).success).toBe(false);
});
