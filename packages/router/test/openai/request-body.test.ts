import { describe, expect, test } from 'vitest';
import { parseJsonObject } from '../../src/http/json-body.ts';
import { chatRequestSchema } from '../../src/openai/chat-completions.ts';
import { bodyForUpstream, type RequestChanges } from '../../src/openai/request-body.ts';

function forwarded(text: string, model = 'm', more: Partial<RequestChanges> = {}): string {
  const bytes = Buffer.from(text);
  const changes = { model, asksForUsage: false, cacheSalt: null, ...more };
  return Buffer.from(bodyForUpstream({ bytes, value: parseJsonObject(bytes) }, changes)).toString();
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
    ['there again in a message', '{"model":"m", "messages":[{"model":"forbidden"}]}'],
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

describe('what the router adds', () => {
  test('asks for the usage of a stream, beside whatever other options there are', () => {
    const more = { asksForUsage: true };
    expect(forwarded('{"model":"m","stream":true}', 'm', more)).toBe(
      '{"model":"m","stream":true,"stream_options":{"include_usage":true}}',
    );
    const options = '"stream_options":{"include_usage":false,"later":1}';
    expect(forwarded(`{"model":"m",${options}}`, 'm', more)).toBe(
      '{"model":"m","stream_options":{"include_usage":true,"later":1}}',
    );
  });

  test('puts the salt in place of the caller’s own, and leaves every other byte', () => {
    expect(forwarded('{"seed":12345678901234567890,"cache_salt":"mine","model":"m"}', 'x', { cacheSalt: 's' })).toBe(
      '{"seed":12345678901234567890,"cache_salt":"s","model":"x"}',
    );
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
