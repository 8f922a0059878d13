import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorOf } from '../../http-client.ts';
import { ask, openAnswer, post, sealText } from '../../nomyo-client.ts';
import { chat, startRouter, upstreamsAt } from '../../running-router.ts';
import { type StandInUpstream, startStandIn } from '../../stand-in-upstream.ts';

let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
afterAll(() => upstream.close());

describe('a payload', () => {
  test.each([
    ['not a chat request', { hello: 'world' }, 400, 'invalid_request'],
    ['without messages', { model: 'm' }, 400, 'invalid_request'],
    ['with no message', { model: 'm', messages: [] }, 400, 'invalid_request'],
    ['with messages that are a string', { model: 'm', messages: 'hi' }, 400, 'invalid_request'],
    ['with a model that is a number', { model: 5, messages: [{ role: 'user' }] }, 400, 'invalid_request'],
    ['for an unknown model', chat('x', { model: 'nope' }), 404, 'model_not_found'],
    ['for a model called like a method', chat('x', { model: 'toString' }), 404, 'model_not_found'],
    ['for an unknown tier', chat('x', { security_tier: 'ultra' }), 400, 'invalid_security_tier'],
    ['for a tier no upstream has', chat('x', { security_tier: 'high' }), 403, 'tier_not_available'],
  ])('%s is refused', async (_what, payload, status, code) => {
    const { url, internalErrors } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const answer = await ask(url, payload);
    expect(answer.status).toBe(status);
    expect(errorOf(answer).code).toBe(code);
    expect(typeof answer.json()['detail']).toBe('string');
    expect(internalErrors).toEqual([]);
  });

  test('nested deeper than any program writes reaches the model server as it is', async () => {
    const { url, internalErrors } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    // JSON.stringify cannot write what JSON.parse reads: the sealed text is made by hand.
    const depth = 200_000;
    const nested = { toJSON: () => 'NESTED' };
    const text = JSON.stringify(chat('x', { nested })).replace('"NESTED"', '['.repeat(depth) + ']'.repeat(depth));
    const request = await sealText(url, text);
    const answer = await post(url, request);
    expect(answer.status).toBe(200);
    expect(upstream.seen.at(-1)?.bodyText).toContain('['.repeat(depth));
    expect(internalErrors).toEqual([]);
  });

  test.each([
    ['no JSON', 'hello'],
    ['a list', '[]'],
    ['null', 'null'],
    ['no text at all', ''],
  ])('that is %s is a 400', async (_what, text) => {
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const answer = await post(url, await sealText(url, text));
    expect(answer.status).toBe(400);
    expect(errorOf(answer).code).toBe('invalid_json');
  });

  test('in which a string is not UTF-8 is a 400', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const bytes = Buffer.from(JSON.stringify(chat('\u00ff')), 'latin1');
    const answer = await post(url, await sealText(url, bytes));
    expect(errorOf(answer).code).toBe('invalid_json');
  });

  test('with members named like an object prototype passes through', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const text = '{"__proto__":{"stream":true},"constructor":1,"model":"m","messages":[{"role":"user","content":"x"}]}';
    expect((await post(url, await sealText(url, text))).status).toBe(200);
    expect(upstream.seen.at(-1)?.bodyText).toContain('"__proto__":{"stream":true}');
    expect(upstream.seen.at(-1)?.bodyText).toContain('"stream":false');
  });
});

describe('a tier', () => {
  const tiered = () =>
    startRouter({
      upstreams: [
        { name: 'near', baseUrl: upstream.baseUrl, models: ['m'], tier: 'maximum', sameTee: true },
        { name: 'far', baseUrl: upstream.baseUrl, models: ['cheap'] },
      ],
      models: { m: { defaultTier: 'high' } },
    });

  test.each([
    ['the header', chat('x'), { tier: 'maximum' } as const, 'maximum', 'header'],
    ['the field', chat('x', { security_tier: 'standard' }), {}, 'standard', 'field'],
    ["the model's default", chat('x'), {}, 'high', 'model'],
    ['both places', chat('x', { security_tier: 'high' }), { tier: 'high' } as const, 'high', 'header'],
  ])('may come from %s, and never reaches the upstream', async (_place, payload, options, tier, source) => {
    const { url } = await tiered();
    const answer = await openAnswer(await ask(url, payload, options));
    expect(answer['_metadata']).toMatchObject({ security_tier: tier, security_tier_source: source });
    expect(upstream.seen.at(-1)?.bodyText).not.toContain('security_tier');
  });

  test('that header and field disagree on is a 400', async () => {
    const { url } = await tiered();
    const answer = await ask(url, chat('x', { security_tier: 'maximum' }), { tier: 'standard' });
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toMatchObject({ code: 'invalid_security_tier', param: 'security_tier' });
  });

  test('is never lowered: a model that is there but not fit for it is a 403', async () => {
    const { url } = await tiered();
    const asked = upstream.seen.length;
    const answer = await ask(url, chat('x', { model: 'cheap' }), { tier: 'high' });
    expect(errorOf(answer).code).toBe('tier_not_available');
    expect(upstream.seen).toHaveLength(asked);
  });
});
