import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CHAT_COMPLETIONS } from '../../src/openai/chat-completions.ts';
import { COMPLETIONS } from '../../src/openai/completions.ts';
import { EMBEDDINGS } from '../../src/openai/embeddings.ts';

const anything = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom('m', 'm'.repeat(256), 'm'.repeat(257), true, false, null, 'high', 'float', 'base64', 1, 0),
);
const message = fc.record({ role: fc.oneof(fc.constant('user'), anything) }, { requiredKeys: [] });
const member = fc.oneof(
  fc.tuple(
    fc.constantFrom(
      'model',
      'stream',
      'stream_options',
      'security_tier',
      'encoding_format',
      'dimensions',
      'Model',
      'x',
    ),
    anything,
  ),
  fc.tuple(fc.constant('messages'), fc.oneof(fc.array(message), fc.array(anything), anything)),
  fc.tuple(
    fc.constantFrom('prompt', 'input'),
    fc.oneof(fc.array(fc.string()), fc.array(fc.nat()), fc.array(fc.array(fc.nat())), anything),
  ),
);
/** A good request with up to three members changed. */
const bodies = fc.array(member, { maxLength: 3 }).map((changed) => ({
  model: 'm',
  messages: [{ role: 'user' }],
  prompt: 'x',
  input: 'x',
  ...Object.fromEntries(changed),
}));

describe('the quick look at a request', () => {
  test.each([
    ['chat', CHAT_COMPLETIONS],
    ['completions', COMPLETIONS],
    ['embeddings', EMBEDDINGS],
  ])('for %s takes nothing that the schema refuses', (_name, endpoint) => {
    let taken = 0;
    fc.assert(
      fc.property(bodies, (body) => {
        if (!endpoint.isGood(body)) return;
        taken++;
        expect(endpoint.schema.safeParse(body).success).toBe(true);
      }),
      { numRuns: 2_000 },
    );
    expect(taken).toBeGreaterThan(50);
  });

  test.each([
    [CHAT_COMPLETIONS, { model: 'm', messages: [{ role: 'user', content: 'x' }], stream: true, temperature: 1 }],
    [COMPLETIONS, { model: 'm', prompt: ['a', 'b'], best_of: 2 }],
    [EMBEDDINGS, { model: 'm', input: 'x', encoding_format: 'base64' }],
  ])('is enough for an ordinary request to $path', (endpoint, body) => {
    expect(endpoint.isGood(body)).toBe(true);
  });
});
