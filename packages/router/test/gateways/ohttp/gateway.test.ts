import { KEM_MLKEM768_X25519, KEM_X25519 } from '@sotto/protocol/hpke';
import {
  OHTTP_CHUNKED_RESPONSE_MEDIA_TYPE,
  OHTTP_GATEWAY_PATH,
  OHTTP_KEYS_MEDIA_TYPE,
  OHTTP_RESPONSE_MEDIA_TYPE,
  parseKeyConfigs,
} from '@sotto/protocol/ohttp';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createRouter, type Router } from '../../../src/index.ts';
import { type StandInUpstream, startStandIn, wellBehaved } from '../../stand-in-upstream.ts';
import {
  ask,
  chatInput,
  codeOf,
  open,
  openWhole,
  outerRequest,
  outerWholeRequest,
  recipientOf,
  seal,
  sealWhole,
} from './sealing-client.ts';

const KEY = 'sotto_ohttp-test-key';
let upstream: StandInUpstream;
let router: Router;

beforeAll(async () => {
  upstream = await startStandIn();
  router = await createRouter({
    keys: [
      { name: 'all', key: KEY },
      { name: 'small', key: 'sotto_small-key', models: ['other'] },
    ],
    protocols: ['ohttp', 'clear'],
    upstreams: [{ name: 'u', baseUrl: upstream.baseUrl, tier: 'maximum', sameTee: true }],
  });
});
beforeEach(() => upstream.behave(wellBehaved(['m'])));
afterAll(async () => {
  await router.close();
  await upstream.close();
});

const AUTHORIZED = [['authorization', `Bearer ${KEY}`]] as const;
const chat = (more: object = {}, headers: readonly (readonly [string, string])[] = []) =>
  chatInput(more, [...AUTHORIZED, ...headers]);

const SUITES = [
  ['MLKEM768-X25519', KEM_MLKEM768_X25519],
  ['X25519', KEM_X25519],
].flatMap(([kem, kemId]) =>
  [
    ['AES-128-GCM', 1],
    ['AES-256-GCM', 2],
    ['ChaCha20-Poly1305', 3],
  ].map(([aead, aeadId]) => [`${kem} with ${aead}`, Number(kemId), Number(aeadId)] as const),
);

describe.each(SUITES)('a request sealed with %s', (_suite, kemId, aeadId) => {
  test('in chunks is answered in chunks', async () => {
    const sealed = await seal(await recipientOf(router.fetch, kemId, aeadId), chat());
    const answer = await router.fetch(outerRequest(sealed.body));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe(OHTTP_CHUNKED_RESPONSE_MEDIA_TYPE);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const inner = await open(sealed, answer);
    expect(inner).toMatchObject({ status: 200, headers: { 'x-sotto-tier': 'standard' } });
    expect(inner.text).toContain('echo: hello sealed world');
  });

  test('whole is answered whole', async () => {
    const sealed = await sealWhole(await recipientOf(router.fetch, kemId, aeadId), chat());
    const answer = await router.fetch(outerWholeRequest(sealed.body));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe(OHTTP_RESPONSE_MEDIA_TYPE);
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const inner = await openWhole(sealed, answer);
    expect(inner).toMatchObject({ status: 200, headers: { 'x-sotto-tier': 'standard' } });
    expect(inner.text).toContain('echo: hello sealed world');
  });
});

describe('the keys', () => {
  test.each([OHTTP_GATEWAY_PATH, '/ohttp'])(
    'are at %s, the better KEM first, for as long as they are new',
    async (path) => {
      const answer = await router.fetch(
        new Request(`http://router.test${path}`, { headers: { accept: OHTTP_KEYS_MEDIA_TYPE } }),
      );
      expect(answer.status).toBe(200);
      expect(answer.headers.get('content-type')).toBe(OHTTP_KEYS_MEDIA_TYPE);
      expect(answer.headers.get('cache-control')).toBe('public, max-age=3600');
      const configs = parseKeyConfigs(new Uint8Array(await answer.arrayBuffer()));
      expect(configs.map(({ kemId }) => kemId)).toEqual([KEM_MLKEM768_X25519, KEM_X25519]);
      for (const { suites } of configs) expect(suites.map(({ aeadId }) => aeadId)).toEqual([2, 1, 3]);
    },
  );

  test('are not there where ohttp is switched off', async () => {
    const closed = await createRouter({
      auth: 'open',
      protocols: ['clear'],
      upstreams: [{ name: 'u', baseUrl: upstream.baseUrl, models: ['m'] }],
    });
    for (const path of [OHTTP_GATEWAY_PATH, '/ohttp']) {
      expect((await closed.fetch(new Request(`http://router.test${path}`))).status).toBe(404);
      expect((await closed.fetch(new Request(`http://router.test${path}`, { method: 'POST', body: 'x' }))).status).toBe(
        404,
      );
    }
    await closed.close();
  });
});

describe('an opened request', () => {
  test('reaches the same routes as one in clear', async () => {
    const list = await ask(router.fetch, { method: 'GET', path: '/v1/models', headers: AUTHORIZED });
    expect(list.status).toBe(200);
    expect(JSON.parse(list.text)).toMatchObject({ data: [{ id: 'm' }] });
    const one = await ask(router.fetch, { method: 'GET', path: '/v1/models/m?x=1', headers: AUTHORIZED });
    expect(JSON.parse(one.text)).toMatchObject({ id: 'm' });
  });

  test('is answered at the alias too', async () => {
    const sealed = await seal(await recipientOf(router.fetch), chat());
    const request = new Request('http://router.test/ohttp', outerRequest(sealed.body));
    expect((await open(sealed, await router.fetch(request))).status).toBe(200);
  });

  test('may name its media type in capitals and with parameters (RFC 9110 §8.3.1)', async () => {
    const sealed = await seal(await recipientOf(router.fetch), chat());
    const answer = await router.fetch(outerRequest(sealed.body, { 'content-type': 'Message/OHTTP-chunked-req; x=y' }));
    expect((await open(sealed, answer)).status).toBe(200);
  });

  test.each(['standard', 'high', 'maximum'])('is handled at tier %s when it asks for it', async (tier) => {
    const byHeader = await ask(router.fetch, chat({}, [['x-security-tier', tier]]));
    expect(byHeader).toMatchObject({ status: 200, headers: { 'x-sotto-tier': tier, 'x-sotto-tier-source': 'header' } });
    const byField = await ask(router.fetch, chat({ security_tier: tier }));
    expect(byField).toMatchObject({ status: 200, headers: { 'x-sotto-tier': tier, 'x-sotto-tier-source': 'field' } });
  });

  test('takes neither tier nor key from the outer header fields', async () => {
    const recipient = await recipientOf(router.fetch);
    const outer = { 'x-security-tier': 'nonsense', authorization: `Bearer ${KEY}`, 'x-api-key': KEY };
    const withKey = await seal(recipient, chat());
    const answered = await open(withKey, await router.fetch(outerRequest(withKey.body, outer)));
    expect(answered).toMatchObject({ status: 200, headers: { 'x-sotto-tier': 'standard' } });
    const without = await seal(recipient, chatInput());
    const refused = await open(without, await router.fetch(outerRequest(without.body, outer)));
    expect([refused.status, codeOf(refused)]).toEqual([401, 'missing_api_key']);
  });

  test.each([
    ['an unknown path', 404, 'not_found', { path: '/v1/nothing', headers: AUTHORIZED }],
    ['another method', 405, 'method_not_allowed', { method: 'GET', path: '/v1/chat/completions', headers: AUTHORIZED }],
    ['a method nobody knows', 405, 'method_not_allowed', { method: 'BREW', path: '/v1/models', headers: AUTHORIZED }],
    ['no key', 401, 'missing_api_key', chatInput()],
    ['a wrong key', 401, 'invalid_api_key', chatInput({}, [['authorization', 'Bearer sotto_wrong']])],
    ['a key for other models', 403, 'model_not_allowed', chatInput({}, [['x-api-key', 'sotto_small-key']])],
    ['a model nobody has', 404, 'model_not_found', chat({ model: 'none' })],
    ['a tier there is none of', 400, 'invalid_security_tier', chat({}, [['x-security-tier', 'top']])],
    ['a body that is no JSON', 400, 'invalid_json', { ...chat(), body: 'no' }],
    [
      'another media type',
      415,
      'unsupported_media_type',
      { ...chat(), headers: [...AUTHORIZED, ['content-type', 'text/plain']] as const },
    ],
    ['a path that is no UTF-8', 404, 'not_found', { method: 'GET', path: '/v1/models/%ff', headers: AUTHORIZED }],
  ])('with %s is refused inside the ciphertext, under an outer 200', async (_what, status, code, input) => {
    const recipient = await recipientOf(router.fetch);
    const sealed = await seal(recipient, input);
    const answer = await router.fetch(outerRequest(sealed.body));
    expect(answer.status).toBe(200);
    expect(answer.headers.get('www-authenticate')).toBeNull();
    const inner = await open(sealed, answer);
    expect([inner.status, codeOf(inner)]).toEqual([status, code]);
    const whole = await sealWhole(recipient, input);
    const wholeInner = await openWhole(whole, await router.fetch(outerWholeRequest(whole.body)));
    expect([wholeInner.status, codeOf(wholeInner)]).toEqual([status, code]);
  });

  test('learns its id inside, where nobody on the way can change it', async () => {
    const sealed = await seal(await recipientOf(router.fetch), { ...chat(), path: '/v1/nothing' });
    const answer = await router.fetch(outerRequest(sealed.body));
    const inner = await open(sealed, answer);
    expect(inner.headers['x-request-id']).toMatch(/^req_[0-9a-f]{24}$/);
    expect(answer.headers.get('x-request-id')).toBe(inner.headers['x-request-id']);
  });

  test('of HEAD is answered without content (RFC 9110 §9.3.2)', async () => {
    const input = { method: 'HEAD', path: '/v1/models', headers: AUTHORIZED };
    expect(await ask(router.fetch, input)).toMatchObject({ status: 200, text: '' });
    const whole = await sealWhole(await recipientOf(router.fetch), input);
    const answer = await openWhole(whole, await router.fetch(outerWholeRequest(whole.body)));
    expect(answer).toMatchObject({ status: 200, text: '' });
  });

  test('reaches the model server without what is sealed around it', async () => {
    const before = upstream.seen.length;
    await ask(
      router.fetch,
      chat({ security_tier: 'high' }, [
        ['user-agent', 'sdk/1'],
        ['x-stainless-os', 'Linux'],
        ['cookie', 'a=b'],
      ]),
    );
    const seen = upstream.seen[before];
    const { cache_salt: salt, ...rest } = seen?.body ?? {};
    expect(rest).toEqual({ model: 'm', messages: [{ role: 'user', content: 'hello sealed world' }] });
    expect(salt).toMatch(/^[\w-]{43}$/);
    const names = Object.keys(seen?.headers ?? {});
    for (const name of ['authorization', 'cookie', 'user-agent', 'x-stainless-os', 'date'])
      expect(names).not.toContain(name);
  });
});

describe('an answer that streams', () => {
  test('ends with a final chunk, in chunks', async () => {
    const inner = await ask(router.fetch, chat({ stream: true }));
    expect(inner.headers['content-type']).toContain('text/event-stream');
    expect(inner.text.trimEnd().endsWith('data: [DONE]')).toBe(true);
  });

  test('is sent whole to who asked for it whole', async () => {
    const sealed = await sealWhole(await recipientOf(router.fetch), chat({ stream: true }));
    const inner = await openWhole(sealed, await router.fetch(outerWholeRequest(sealed.body)));
    expect(inner.headers['content-type']).toContain('text/event-stream');
    expect(inner.text.trimEnd().endsWith('data: [DONE]')).toBe(true);
  });
});
