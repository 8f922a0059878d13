import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type StandInUpstream, startStandIn, wellBehaved } from '../stand-in-upstream.ts';
import { botPath, type ChatbotRouter, type ChatbotRouterOptions, chatbotRouter } from './chatbot-router.ts';

let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
beforeEach(() => upstream.behave(wellBehaved(['m'])));
afterAll(() => upstream.close());

const sealed = { sealedBy: 'ohttp' } as const;
const ask = { messages: [{ role: 'user', content: 'x' }] };

/** Takes every tier, so that the answer tells which was asked for. */
function router(options: Partial<ChatbotRouterOptions> = {}): Promise<ChatbotRouter> {
  const { baseUrl } = upstream;
  const upstreams = [{ name: 'near', baseUrl, models: ['m'], tier: 'maximum', sameTee: true } as const];
  return chatbotRouter({ upstreams, chatbots: [{ tier: 'high' }], ...options });
}

describe.each([
  ['a message', '/chat', { message: 'x' }],
  ['a completion', '/chat/completions', ask],
])('%s to a chatbot of tier high', (_what, below, body) => {
  const path = botPath(below);

  test('is answered at high where it names no tier, or a lower one, wherever it names it', async () => {
    const { ask: send } = await router();
    const lower = [
      await send(path, body, sealed),
      await send(path, { ...body, security_tier: 'standard' }, sealed),
      await send(path, body, { ...sealed, headers: { 'x-security-tier': 'standard' } }),
      await send(path, body, { ...sealed, sealedTier: 'standard' }),
    ];
    expect(lower.map(({ headers }) => headers['x-sotto-tier'])).toEqual(['high', 'high', 'high', 'high']);
  });

  test('is answered at a higher tier where the request, the key or the model has one', async () => {
    const { ask: send } = await router();
    const ofKey = await router({ keys: { a: { defaultTier: 'maximum' } } });
    const ofModel = await router({ modelTiers: { m: 'maximum' } });
    const higher = [
      await send(path, { ...body, security_tier: 'maximum' }, sealed),
      await send(path, body, { ...sealed, headers: { 'x-security-tier': 'maximum' } }),
      await send(path, body, { ...sealed, sealedTier: 'maximum' }),
      await ofKey.ask(path, body, sealed),
      await ofModel.ask(path, body, sealed),
    ];
    expect(higher.map(({ headers }) => headers['x-sotto-tier'])).toEqual(Array(5).fill('maximum'));
  });

  test('is refused in clear, whatever tier it names', async () => {
    const { ask: send, rows } = await router();
    for (const more of [{}, { security_tier: 'standard' }, { security_tier: 'high' }]) {
      const answer = await send(path, { ...body, ...more });
      expect([answer.status, answer.code]).toEqual([403, 'sealed_request_required']);
    }
    expect(rows.size).toBe(0);
  });

  test('is refused where two places name different tiers, or one a tier that there is not', async () => {
    const { ask: send } = await router();
    const headers = { 'x-security-tier': 'standard' };
    expect((await send(path, { ...body, security_tier: 'high' }, { ...sealed, headers })).code).toBe(
      'invalid_security_tier',
    );
    expect((await send(path, { ...body, security_tier: 'low' }, sealed)).code).toBe('invalid_security_tier');
  });

  test('is refused where no model server is fit for the tier', async () => {
    const { ask: send } = await router({
      upstreams: [{ name: 'near', baseUrl: upstream.baseUrl, models: ['m'] }],
    });
    expect((await send(path, body, sealed)).code).toBe('tier_not_available');
  });
});

describe('a conversation that was had at a higher tier', () => {
  test('is never continued at a quieter one, nor read in clear', async () => {
    const { ask: send } = await router({ chatbots: [{}] });
    const begun = await send(botPath('/chat'), { message: 'one', security_tier: 'maximum' }, sealed);
    const { conversation_id: id } = begun.json();
    const later = { message: 'two', conversation_id: id };
    expect((await send(botPath('/chat'), later)).code).toBe('sealed_request_required');
    const named = await send(botPath('/chat'), { ...later, security_tier: 'standard' }, sealed);
    const unnamed = await send(botPath('/chat'), later, sealed);
    expect([named.headers['x-sotto-tier'], unnamed.headers['x-sotto-tier']]).toEqual(['maximum', 'maximum']);
    const path = botPath(`/conversations/${String(id)}`);
    expect((await send(path)).code).toBe('sealed_request_required');
    expect((await send(path, undefined, sealed)).json()['message_count']).toBe(6);
    expect((await send(path, undefined, { method: 'DELETE' })).status).toBe(200);
  });
});
