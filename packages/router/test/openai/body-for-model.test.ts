import { describe, expect, test } from 'vitest';
import { bodyForModel, chatRequestSchema } from '../../src/openai/chat-request.ts';
import { parseJsonObject } from '../../src/openai/json-body.ts';

function forwarded(text: string, model = 'm'): string {
  const bytes = Buffer.from(text);
  return Buffer.from(bodyForModel({ bytes, value: parseJsonObject(bytes) }, model)).toString();
}

describe('the body for an upstream', () => {
  test('is the caller’s own where nothing changes', () => {
    for (const text of ['{"model":"m"}', ' { "a" : 1.0,\n"model": "m" } ', '{"model":"m","n":123456789012345678901}']) {
      expect(forwarded(text)).toBe(text);
    }
  });

  test.each([
    ['there twice', '{"model":"forbidden","model":"m"}'],
    ['there again as escapes', '{"\\u006dodel":"forbidden","model":"m"}'],
    ['there again as escapes in capitals', '{"\\u006Dodel":"forbidden","model":"m"}'],
    ['there again in a message', '{"model":"m","messages":[{"model":"forbidden"}]}'],
    ['spelt with escapes alone', '{"mod\\u0065l":"m"}'],
  ])('is written anew where "model" is %s', (_where, text) => {
    const written = forwarded(text);
    expect(JSON.parse(written)).toEqual({ ...(JSON.parse(text) as object), model: 'm' });
    expect(written.match(/"model":"forbidden"/g) ?? []).toHaveLength(text.includes('messages') ? 1 : 0);
    expect(written).not.toContain('\\u00');
  });

  test('names the model as the upstream knows it', () => {
    expect(JSON.parse(forwarded('{"model":"alias","x":1}', 'real/name'))).toEqual({ model: 'real/name', x: 1 });
  });

  test('never holds the tier', () => {
    for (const tier of ['"high"', 'null', '{"deep":1}']) {
      expect(JSON.parse(forwarded(`{"security_tier":${tier},"model":"m","x":1}`))).toEqual({ model: 'm', x: 1 });
    }
    expect(JSON.parse(forwarded('{"security\\u005ftier":"high","model":"m"}'))).toEqual({ model: 'm' });
  });
});

describe('a member that a careless reader takes for the model', () => {
  // Go's encoding/json, which well-known model servers read with, does not tell "Model" from "model".
  test.each(['Model', 'MODEL', 'mOdEl'])('is refused: %s', (name) => {
    const value = { model: 'm', messages: [{ role: 'user' }], [name]: 'forbidden' };
    expect(chatRequestSchema.safeParse(value).success).toBe(false);
  });

  test('is told from members that only resemble it', () => {
    const value = { model: 'm', messages: [{ role: 'user' }], models: [], model_: 1, modelo: 'x' };
    expect(chatRequestSchema.safeParse(value).success).toBe(true);
  });
});
