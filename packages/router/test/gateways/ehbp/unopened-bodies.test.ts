import { EHBP_KEY_PROBLEM_TYPE, ENCAPSULATED_KEY_HEADER, RESPONSE_NONCE_HEADER } from '@sotto/protocol/ehbp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRouter, type Router } from '../../../src/index.ts';
import { type StandInUpstream, startStandIn } from '../../stand-in-upstream.ts';
import { carry, keyOf, seal, sealChat, sealedCode } from './sealing-client.ts';

const KEY = 'sotto_ehbp-test-key';
const AUTHORIZED = { authorization: `Bearer ${KEY}` };
const REFUSED = { type: 'about:blank', title: 'the request could not be opened', status: 400 };
const STALE = { type: EHBP_KEY_PROBLEM_TYPE, title: 'the key is not in use: fetch the key again', status: 422 };

let upstream: StandInUpstream;
let router: Router;
let key: Uint8Array;

beforeAll(async () => {
  upstream = await startStandIn();
  router = await createRouter({
    keys: [{ name: 'all', key: KEY }],
    protocols: ['ehbp'],
    upstreams: [{ name: 'u', baseUrl: upstream.baseUrl, models: ['m'] }],
  });
  key = await keyOf(router.fetch);
});
afterAll(async () => {
  await router.close();
  await upstream.close();
});

describe('what nobody can be known to have sent is refused in clear:', () => {
  async function told(request: Request): Promise<unknown> {
    const asked = upstream.seen.length;
    const answer = await router.fetch(request);
    expect(upstream.seen).toHaveLength(asked);
    expect(answer.headers.get('content-type')).toBe('application/problem+json');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    expect(answer.headers.has(RESPONSE_NONCE_HEADER)).toBe(false);
    const problem: unknown = await answer.json();
    expect(problem).toMatchObject({ status: answer.status });
    return problem;
  }

  test('a changed byte, with the one answer that a stale key gets', async () => {
    const sealed = await sealChat(key);
    for (let offset = 4; offset < sealed.body.length; offset++) {
      const body = Buffer.from(sealed.body);
      body[offset] = (body[offset] ?? 0) ^ (1 << (offset % 8));
      expect(await told(carry({ ...sealed, body }, AUTHORIZED)), `byte ${offset}`).toEqual(STALE);
    }
    const other = { ...sealed, request: (await sealChat(key)).request };
    expect(await told(carry(other, AUTHORIZED))).toEqual(STALE);
    const zero = { ...sealed, request: { ...sealed.request, encapsulatedKey: '0'.repeat(64) } };
    expect(await told(carry(zero, AUTHORIZED))).toEqual(STALE);
  });

  test('a body that ends within a frame, wherever it does', async () => {
    const sealed = await sealChat(key);
    for (let length = 1; length < sealed.body.length; length++) {
      const body = sealed.body.subarray(0, length);
      expect(await told(carry({ ...sealed, body }, AUTHORIZED)), `${length} bytes`).toEqual(REFUSED);
    }
  });

  test('a later frame that was changed, cut, repeated, or swapped with another', async () => {
    const sealed = await seal(key, '{"model":', '"m","messages":', '[]}');
    const ends = [0, 1, 2].map((index) => [29, 35, 23].slice(0, index + 1).reduce((sum, length) => sum + length, 0));
    const [a = 0, b = 0] = ends;
    const [first, second, third] = [sealed.body.subarray(0, a), sealed.body.subarray(a, b), sealed.body.subarray(b)];
    const changed = Buffer.from(sealed.body);
    changed[a + 10] = (changed[a + 10] ?? 0) ^ 1;
    const bodies = [
      changed,
      sealed.body.subarray(0, b + 2),
      sealed.body.subarray(0, -1),
      Buffer.concat([first, first, second, third]),
      Buffer.concat([first, third, second]),
      Buffer.concat([first, third]),
    ];
    for (const body of bodies) expect(await told(carry({ ...sealed, body }, AUTHORIZED))).toEqual(REFUSED);
  });

  test('a frame shorter than its tag, or longer than any body', async () => {
    const sealed = await sealChat(key);
    for (const length of [1, 15, 0x7fffffff, 0xffffffff]) {
      const body = Buffer.from(sealed.body);
      body.writeUInt32BE(length);
      expect(await told(carry({ ...sealed, body }, AUTHORIZED)), `${length}`).toEqual(REFUSED);
    }
  });

  test('more frames than anybody has a use for', async () => {
    const sealed = await seal(key, ...Array.from({ length: 20_000 }, () => ' '));
    expect(await told(carry(sealed, AUTHORIZED))).toEqual(REFUSED);
    const nothing = { ...sealed, body: new Uint8Array(4 * 20_000) };
    expect(await told(carry(nothing, AUTHORIZED))).toEqual(REFUSED);
  });

  test.each([
    ['is empty', ''],
    ['is short', 'ab'],
    ['is long', 'ab'.repeat(33)],
    ['is in capitals', 'AB'.repeat(32)],
    ['is no hexadecimal', 'zz'.repeat(32)],
    ['comes twice', `${'ab'.repeat(32)}, ${'ab'.repeat(32)}`],
  ])('an encapsulated key that %s', async (_what, encapsulatedKey) => {
    const sealed = await sealChat(key);
    expect(await told(carry({ ...sealed, request: { ...sealed.request, encapsulatedKey } }, AUTHORIZED))).toEqual(
      REFUSED,
    );
  });
});

describe('an empty body', () => {
  test('under an encapsulated key is refused, for nothing shows who sent it', async () => {
    const asked = upstream.seen.length;
    const sealed = await seal(key);
    for (const body of [sealed.body, new Uint8Array(400)]) {
      const answer = await router.fetch(carry({ ...sealed, body }, AUTHORIZED));
      expect([answer.status, await sealedCode(sealed, answer)]).toEqual([400, 'invalid_message']);
    }
    const get = new Request('http://router.test/v1/models', {
      headers: { ...AUTHORIZED, [ENCAPSULATED_KEY_HEADER]: sealed.request.encapsulatedKey },
    });
    expect((await router.fetch(get)).status).toBe(400);
    expect(upstream.seen).toHaveLength(asked);
  });

  test('without one is a request in clear, which this router does not take', async () => {
    const answer = await router.fetch(new Request('http://router.test/v1/models', { headers: AUTHORIZED }));
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ error: { code: 'sealed_request_required' } });
  });
});
