import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { chatbotOf, chatbotSchema } from '../../src/chatbots/chatbot-schema.ts';

const least = { id: 'bot', name: 'Bot', model: 'm' };

describe('a chatbot’s definition', () => {
  test('needs an id, a name and a model', () => {
    expect(chatbotOf(chatbotSchema.parse(least))).toEqual({
      ...least,
      type: 'assistant',
      description: '',
      systemPrompt: '',
      parameters: {},
      tier: undefined,
      ttlSeconds: undefined,
    });
  });

  test.each([
    ['id', { id: 'a/b' }],
    ['id', { id: '' }],
    ['id', { id: 'x'.repeat(65) }],
    ['name', { name: '' }],
    ['name', { name: 'a\r\nb' }],
    ['type', { type: 'a b' }],
    ['model', { model: '' }],
    ['tier', { tier: 'low' }],
    ['ttlSeconds', { ttlSeconds: 59 }],
    ['ttlSeconds', { ttlSeconds: 31_536_001 }],
    ['systemPrompt', { systemPrompt: 'x'.repeat(65_537) }],
    ['parameters', { parameters: { stop: 'x'.repeat(16_385) } }],
    ['parameters', { parameters: { model: 'x' } }],
    ['parameters', { parameters: { messages: [] } }],
    ['parameters', { parameters: { stream: true } }],
    ['parameters', { parameters: { security_tier: 'standard' } }],
    ['parameters', { parameters: { tools: [] } }],
    ['parameters', { parameters: { Temperature: 1 } }],
  ])('refuses a %s that will not do: %o', (member, wrong) => {
    const { error } = chatbotSchema.safeParse({ ...least, ...wrong });
    expect(error?.issues[0]?.path[0]).toBe(member);
  });

  test('refuses members that there are not, answers for failing models among them', () => {
    expect(chatbotSchema.safeParse({ ...least, fallback_responses: ['Sorry.'] }).success).toBe(false);
  });

  test('can be told in the API description', () => {
    expect(z.toJSONSchema(chatbotSchema, { io: 'input' })).toMatchObject({ required: ['id', 'name', 'model'] });
  });
});
