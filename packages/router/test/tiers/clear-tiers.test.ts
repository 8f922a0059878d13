import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { errorOf, send, sendJson } from '../http-client.ts';
import { ask as askSealed } from '../nomyo-client.ts';
import { chat, type RunningRouter, startRouter } from '../running-router.ts';
import { completion, json, type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let upstream: StandInUpstream;
let running: RunningRouter;
beforeAll(async () => {
  upstream = await startStandIn();
  upstream.behave(json(completion('x')));
});
beforeEach(async () => {
  const baseUrl = upstream.baseUrl;
  running = await startRouter({
    upstreams: [{ name: 'near', baseUrl, models: ['m', 'guarded', 'plain'], tier: 'maximum', sameTee: true }],
    models: { guarded: { defaultTier: 'high' }, plain: { defaultTier: 'standard' } },
    aliases: { nick: ['guarded'], mixed: ['plain', 'guarded'], open: ['plain'] },
  });
});
afterAll(() => upstream.close());

const ask = (more = {}, headers = {}) => sendJson(`${running.url}/v1/chat/completions`, chat('x', more), headers);

describe('a request in clear', () => {
  test.each([
    ['nothing', {}, {}, 'default'],
    ['the header', {}, { 'x-security-tier': 'standard' }, 'header'],
    ['the field', { security_tier: 'standard' }, {}, 'field'],
    ['both', { security_tier: 'standard' }, { 'x-security-tier': 'standard' }, 'header'],
    ['a field of null', { security_tier: null }, {}, 'default'],
    ['the model', { model: 'plain' }, {}, 'model'],
  ])('is standard by %s, and its field never reaches the upstream', async (_place, more, headers, source) => {
    const answer = await ask(more, headers);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({ 'x-sotto-tier': 'standard', 'x-sotto-tier-source': source });
    expect(upstream.seen.at(-1)?.body).not.toHaveProperty('security_tier');
  });

  test.each([
    ['the header', {}, { 'x-security-tier': 'high' }],
    ['the field', { security_tier: 'maximum' }, {}],
    ["the model's default", { model: 'guarded' }, {}],
    ["an alias of a model's default", { model: 'nick' }, {}],
    ['one target of an alias', { model: 'mixed' }, {}],
    ['a model named with its upstream', { model: 'near/guarded' }, {}],
  ])('is refused where %s asks for more than it can give', async (_place, more, headers) => {
    const asked = upstream.seen.length;
    const answer = await ask(more, headers);
    expect(answer.status).toBe(403);
    expect(errorOf(answer)).toMatchObject({ code: 'sealed_request_required', type: 'permission_error' });
    expect(upstream.seen).toHaveLength(asked);
  });

  test('that names two tiers is refused', async () => {
    const answer = await ask({ security_tier: 'high' }, { 'x-security-tier': 'standard' });
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toMatchObject({ code: 'invalid_security_tier', param: 'security_tier' });
  });

  test.each([
    [{ security_tier: 'ultra' }, {}, 'security_tier'],
    [{ security_tier: 1 }, {}, 'security_tier'],
    [{ security_tier: ['high'] }, {}, 'security_tier'],
    [{}, { 'x-security-tier': 'none' }, 'X-Security-Tier'],
    [{}, { 'x-security-tier': 'standard, high' }, 'X-Security-Tier'],
  ])('that names no tier by %j %j is refused', async (more, headers, param) => {
    expect(errorOf(await ask(more, headers))).toMatchObject({ code: 'invalid_security_tier', param });
  });

  test('is refused altogether where the operator left clear out', async () => {
    const { url } = await startRouter({
      upstreams: [{ name: 'near', baseUrl: upstream.baseUrl, models: ['m'] }],
      protocols: ['nomyo-v1'],
    });
    const answers = [await sendJson(`${url}/v1/chat/completions`, chat('x')), await send(`${url}/v1/models`)];
    for (const answer of answers) expect(errorOf(answer).code).toBe('sealed_request_required');
    expect((await askSealed(url, chat('x'))).status).toBe(200);
  });
});
