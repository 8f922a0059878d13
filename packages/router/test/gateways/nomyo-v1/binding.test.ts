import { nodeCrypto } from '@sotto/protocol/node';
import {
  encodePublicKeyHeader,
  exportPublicKeyPem,
  generateRsaKeyPair,
  type RsaKeyPair,
  sealResponse,
} from '@sotto/protocol/nomyo-v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorOf } from '../../http-client.ts';
import { clientKeys, openAnswer, post, sealFor } from '../../nomyo-client.ts';
import { chat, startRouter } from '../../running-router.ts';
import { type StandInUpstream, startStandIn } from '../../stand-in-upstream.ts';

let upstream: StandInUpstream;
let attacker: RsaKeyPair;
beforeAll(async () => {
  [upstream, attacker] = await Promise.all([startStandIn(), generateRsaKeyPair(nodeCrypto, 2_048)]);
});
afterAll(() => upstream.close());

const router = () =>
  startRouter({
    upstreams: [{ name: 'near', baseUrl: upstream.baseUrl, models: ['m'], tier: 'maximum', sameTee: true }],
  });
const headerOf = (pair: RsaKeyPair): string => encodePublicKeyHeader(exportPublicKeyPem(pair.publicKey));

describe('a bound request', () => {
  test('is answered with a MAC that only the router could make', async () => {
    const { url } = await router();
    const request = await sealFor(url, chat('x'), { bound: true, tier: 'high' });
    const answer = await post(url, request);
    expect(answer.json()).toHaveProperty('sotto_mac');
    expect(await openAnswer(answer, request.macUnder)).toHaveProperty('choices');
  });

  test('has its binding taken out before the upstream sees it', async () => {
    const { url } = await router();
    await post(url, await sealFor(url, chat('x'), { bound: true }));
    expect(upstream.seen.at(-1)?.body).toEqual(chat('x', { stream: false }));
  });

  test('whose key was swapped on the way is refused, and the thief reads nothing', async () => {
    const { url } = await router();
    const asked = upstream.seen.length;
    const request = await sealFor(url, chat('x'), { bound: true });
    const answer = await post(url, { ...request, headers: { ...request.headers, 'x-public-key': headerOf(attacker) } });
    expect(answer.status).toBe(400);
    expect(errorOf(answer).code).toBe('binding_mismatch');
    expect(upstream.seen).toHaveLength(asked);
  });

  test('whose tier was lowered, raised or taken away, or whose id was changed, is refused', async () => {
    const { url } = await router();
    const changes: Record<string, string>[] = [
      { 'x-security-tier': 'standard' },
      { 'x-security-tier': 'maximum' },
      { 'x-payload-id': 'another' },
    ];
    for (const change of changes) {
      const request = await sealFor(url, chat('x'), { bound: true, tier: 'high' });
      const answer = await post(url, { ...request, headers: { ...request.headers, ...change } });
      expect(errorOf(answer).code, JSON.stringify(change)).toBe('binding_mismatch');
    }
    const { 'x-security-tier': _taken, ...without } = (await sealFor(url, chat('x'), { bound: true, tier: 'high' }))
      .headers;
    const request = await sealFor(url, chat('x'), { bound: true, tier: 'high' });
    const headers = { ...without, 'x-payload-id': request.headers['x-payload-id'] ?? '' };
    expect(errorOf(await post(url, { ...request, headers })).code).toBe('binding_mismatch');
  });

  test('whose binding is no binding is refused', async () => {
    const { url } = await router();
    for (const binding of [null, 'x', {}, [], { v: 2 }]) {
      const answer = await post(url, await sealFor(url, { ...chat('x'), _sotto: binding }));
      expect(errorOf(answer).code).toBe('binding_mismatch');
    }
  });
});

describe('an unbound request', () => {
  test('gets no MAC, and an answer made up on the way opens: why our own client binds', async () => {
    const { url } = await router();
    const answer = await post(url, await sealFor(url, chat('x')));
    expect(answer.json()).not.toHaveProperty('sotto_mac');
    const { publicKey } = await clientKeys();
    const options = { clientKey: publicKey, tagStyle: 'separate', macUnder: null, nowMs: Date.now() } as const;
    const forged = Buffer.from(await sealResponse(nodeCrypto, Buffer.from('{"forged":true}'), options));
    expect(await openAnswer({ ...answer, body: forged })).toEqual({ forged: true });
    const bound = await sealFor(url, chat('x'), { bound: true });
    await expect(openAnswer({ ...answer, body: forged }, bound.macUnder)).rejects.toMatchObject({
      code: 'response_not_authentic',
    });
  });

  test('may carry a swapped key: the wire cannot tell', async () => {
    const { url } = await router();
    const request = await sealFor(url, chat('x'));
    const answer = await post(url, { ...request, headers: { ...request.headers, 'x-public-key': headerOf(attacker) } });
    expect(answer.status).toBe(200);
  });
});
