import {
  EHBP_KEY_PROBLEM_TYPE,
  EHBP_KEYS_MEDIA_TYPE,
  EHBP_KEYS_PATH,
  ENCAPSULATED_KEY_HEADER,
  RESPONSE_NONCE_HEADER,
} from '@sotto/protocol/ehbp';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createRouter, type Router } from '../../../src/index.ts';
import type { ReplayMemory } from '../../../src/replay/replay-memory.ts';
import { ReplayWindow } from '../../../src/replay/replay-window.ts';
import { testRouter } from '../../running-router.ts';
import { completionEvents, type StandInUpstream, startStandIn, wellBehaved } from '../../stand-in-upstream.ts';
import { carry, keyOf, open, seal, sealChat, sealedCode } from './sealing-client.ts';

const KEY = 'sotto_ehbp-test-key';
const AUTHORIZED = { authorization: `Bearer ${KEY}` };
const STALE = { type: EHBP_KEY_PROBLEM_TYPE, title: 'the key is not in use: fetch the key again', status: 422 };

let upstream: StandInUpstream;
let router: Router;
let key: Uint8Array;

beforeAll(async () => {
  upstream = await startStandIn();
  router = await createRouter({
    keys: [{ name: 'all', key: KEY }],
    protocols: ['ehbp', 'ohttp'],
    upstreams: [{ name: 'u', baseUrl: upstream.baseUrl, models: ['m'], tier: 'maximum', sameTee: true }],
    limits: { bodyBytes: 16_777_216 },
  });
  key = await keyOf(router.fetch);
});
beforeEach(() => upstream.behave(wellBehaved(['m'])));
afterAll(async () => {
  await router.close();
  await upstream.close();
});

const config = () => ({
  protocols: ['ehbp' as const],
  upstreams: [{ name: 'u', baseUrl: upstream.baseUrl, models: ['m'] }],
});

describe('the key', () => {
  test('is 41 bytes of exactly the media type that npm’s client compares with', async () => {
    const answer = await router.fetch(new Request(`http://router.test${EHBP_KEYS_PATH}`));
    const bytes = Buffer.from(await answer.arrayBuffer());
    expect(answer.headers.get('content-type')).toBe(EHBP_KEYS_MEDIA_TYPE);
    expect(answer.headers.get('cache-control')).toBe('no-cache');
    expect(bytes).toHaveLength(41);
    expect(bytes.subarray(0, 3).toString('hex')).toBe('000020');
    expect(bytes.subarray(35).toString('hex')).toBe('000400010002');
  });

  test('is not there, and nothing is opened, where ehbp is switched off', async () => {
    const closed = await testRouter({ ...config(), protocols: ['clear'] });
    expect((await closed.fetch(new Request(`http://router.test${EHBP_KEYS_PATH}`))).status).toBe(404);
    const answer = await closed.fetch(carry(await sealChat(key)));
    expect([answer.status, answer.headers.has(RESPONSE_NONCE_HEADER)]).toEqual([400, false]);
  });
});

describe('a sealed body', () => {
  test('is answered with a sealed body, status and header fields in clear', async () => {
    const sealed = await sealChat(key);
    const answer = await router.fetch(carry(sealed, AUTHORIZED));
    expect(answer.status).toBe(200);
    expect(answer.headers.get(RESPONSE_NONCE_HEADER)).toMatch(/^[0-9a-f]{64}$/);
    expect(answer.headers.get('content-length')).toBeNull();
    expect(answer.headers.get('content-type')).toBe('application/json');
    expect(await open(sealed, answer)).toContain('echo: hello sealed body');
  });

  test('may come in any frames, empty ones and a byte each among them', async () => {
    const text = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'pieces' }] });
    const sealed = await seal(key, ...text);
    const body = Buffer.concat([Buffer.alloc(8), sealed.body, Buffer.alloc(4)]);
    const answer = await router.fetch(carry({ ...sealed, body }, AUTHORIZED));
    expect(await open(sealed, answer)).toContain('echo: pieces');
  });

  test('streams: an event a frame, the last one [DONE]', async () => {
    const sealed = await sealChat(key, { stream: true });
    const answer = await router.fetch(carry(sealed, AUTHORIZED));
    expect(answer.headers.get('content-type')).toContain('text/event-stream');
    expect((await open(sealed, answer)).trimEnd().endsWith('data: [DONE]')).toBe(true);
  });

  test.each(['high', 'maximum'])('is fit for tier %s', async (tier) => {
    const sealed = await sealChat(key, { security_tier: tier });
    const answer = await router.fetch(carry(sealed, AUTHORIZED));
    expect([answer.status, answer.headers.get('x-sotto-tier')]).toEqual([200, tier]);
  });

  test('of 12 MB in one frame is taken, and one over the limit is not', async () => {
    const taken = await sealChat(key, { padding: 'x'.repeat(12_000_000) });
    expect((await router.fetch(carry(taken, AUTHORIZED))).status).toBe(200);
    const long = await seal(key, 'x'.repeat(16_777_217));
    const refused = await router.fetch(carry(long, AUTHORIZED));
    expect([refused.status, await sealedCode(long, refused)]).toEqual([413, 'payload_too_large']);
    const longer = { request: long.request, body: new Uint8Array(16_777_216 + 1_048_576 + 1) };
    expect((await router.fetch(carry(longer, AUTHORIZED))).status).toBe(413);
  });

  test.each([
    ['no key', {}, 401, 'missing_api_key', {}],
    ['a wrong key', { authorization: 'Bearer sotto_wrong' }, 401, 'invalid_api_key', {}],
    ['a model nobody has', AUTHORIZED, 404, 'model_not_found', { model: 'none' }],
    [
      'two tiers',
      { ...AUTHORIZED, 'x-security-tier': 'standard' },
      400,
      'invalid_security_tier',
      { security_tier: 'high' },
    ],
    ['another media type', { ...AUTHORIZED, 'content-type': 'text/plain' }, 415, 'unsupported_media_type', {}],
  ])('with %s gets a sealed error', async (_what, headers, status, code, more) => {
    const sealed = await sealChat(key, more);
    const answer = await router.fetch(carry(sealed, headers));
    expect([answer.status, await sealedCode(sealed, answer)]).toEqual([status, code]);
  });

  test.each([
    '/v1/nothing',
    '/ohttp',
    '/.well-known/ohttp-gateway',
    '/pki/keys',
    '/health',
    '/v1/chat/secure_completion',
  ])('at %s gets a sealed 404: only the routes of models are within', async (path) => {
    const sealed = await sealChat(key);
    const answer = await router.fetch(carry(sealed, AUTHORIZED, path));
    expect([answer.status, await sealedCode(sealed, answer)]).toEqual([404, 'not_found']);
  });

  test('shows the model server neither its key nor how it came', async () => {
    const before = upstream.seen.length;
    await router.fetch(carry(await sealChat(key), { ...AUTHORIZED, cookie: 'a=b' }));
    const names = Object.keys(upstream.seen[before]?.headers ?? {});
    for (const name of [ENCAPSULATED_KEY_HEADER, 'cookie', 'authorization']) expect(names).not.toContain(name);
  });
});

describe('the same request', () => {
  test('is answered once, and then refused within the ciphertext', async () => {
    const asked = upstream.seen.length;
    const sealed = await sealChat(key);
    expect((await router.fetch(carry(sealed, AUTHORIZED))).status).toBe(200);
    const again = await router.fetch(carry(sealed, AUTHORIZED));
    expect([again.status, await sealedCode(sealed, again)]).toEqual([400, 'replayed_request']);
    expect(upstream.seen.length - asked).toBe(1);
  });

  test('with its frames cut off is still the same', async () => {
    const sealed = await seal(key, JSON.stringify({ model: 'm', messages: [] }), ' ', ' ');
    await router.fetch(carry(sealed, AUTHORIZED));
    const again = await router.fetch(carry({ ...sealed, body: sealed.body.subarray(0, -42) }, AUTHORIZED));
    expect([again.status, await sealedCode(sealed, again)]).toEqual([400, 'replayed_request']);
  });

  test('is refused when there is no room to remember it', async () => {
    const full = await testRouter(config(), { replays: new ReplayWindow(60_000, 0) });
    const sealed = await sealChat(await keyOf(full.fetch));
    const answer = await full.fetch(carry(sealed));
    expect([answer.status, await sealedCode(sealed, answer)]).toEqual([503, 'overloaded']);
  });

  test('is refused when the memory breaks, and the operator is told', async () => {
    const replays: ReplayMemory = {
      has: () => false,
      add: () => Promise.reject(new TypeError('the channel is closed')),
      forget: () => {},
    };
    const errors: unknown[] = [];
    const broken = await testRouter(config(), { replays, onInternalError: (_id, error) => errors.push(error) });
    const sealed = await sealChat(await keyOf(broken.fetch));
    const answer = await broken.fetch(carry(sealed));
    expect([answer.status, await sealedCode(sealed, answer)]).toEqual([500, 'internal_error']);
    expect(errors).toHaveLength(1);
  });
});

describe('when keys rotate', () => {
  test('a request sealed to the key before is still opened', async () => {
    const rotating = await testRouter(config());
    const old = await keyOf(rotating.fetch);
    await rotating.rotateKeys();
    expect(await keyOf(rotating.fetch)).not.toEqual(old);
    const sealed = await sealChat(old, { stream: true });
    const answer = await rotating.fetch(carry(sealed));
    expect(answer.status).toBe(200);
    expect(await open(sealed, answer)).toContain('[DONE]');
    const again = await rotating.fetch(carry(sealed));
    expect(await sealedCode(sealed, again)).toBe('replayed_request');
  });

  test('a request sealed to another router’s key is told to fetch the key again', async () => {
    const other = await testRouter(config());
    const answer = await router.fetch(carry(await sealChat(await keyOf(other.fetch)), AUTHORIZED));
    expect([answer.status, await answer.json()]).toEqual([422, STALE]);
  });
});

test('a stream whose model server breaks off never looks finished', async () => {
  upstream.behave((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(completionEvents(['half'])[0], () => response.destroy());
  });
  const sealed = await sealChat(key, { stream: true });
  const answer = await router.fetch(carry(sealed, AUTHORIZED));
  await expect(answer.arrayBuffer()).rejects.toThrow(TypeError);
});
