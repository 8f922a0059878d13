import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { type StatementSigner, signerFingerprint } from '@sotto/protocol/key-statement';
import { nodeCrypto } from '@sotto/protocol/node';
import { OHTTP_KEY_PROBLEM_TYPE } from '@sotto/protocol/ohttp';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  createRouterMemory,
  createSecureFetch,
  type SecureFetch,
  type SecureFetchOptions,
} from '../../src/node/index.ts';
import { GATEWAY_ORIGIN, json, NOW_MS, problem, STAND_IN_SIGNER, StandInGateway } from './stand-in-gateway.ts';

const URL_ = `${GATEWAY_ORIGIN}/v1/models`;
const POST = { method: 'POST', body: 'canary' };

let gateway: StandInGateway;
let nowMs: number;
let pin: string;

beforeEach(async () => {
  gateway = new StandInGateway();
  nowMs = NOW_MS;
  pin = await signerFingerprint(nodeCrypto, STAND_IN_SIGNER.publicKey);
});

function secure(options: Partial<SecureFetchOptions> = {}): SecureFetch {
  const runtime = { clock: { now: () => nowMs } };
  return createSecureFetch({ routerUrl: GATEWAY_ORIGIN, fetch: gateway.fetch, runtime, ...options });
}

function sent(method: string): number {
  return gateway.outer.filter((request) => request.method === method).length;
}

describe('keys without a pin', () => {
  test('are fetched once for all who wait, and kept as long as max-age says', async () => {
    gateway.keyHeaders = { 'cache-control': 'public, max-age=3600', age: '600' };
    const fetch = secure();
    await Promise.all([fetch(URL_), fetch(URL_), fetch(URL_)]);
    nowMs += 2_999_000;
    await fetch(URL_);
    expect(sent('GET')).toBe(1);
    nowMs += 2_000;
    await fetch(URL_);
    expect(sent('GET')).toBe(2);
  });

  test.each([
    ['max-age=999999999', 86_400_000],
    ['max-age=0', 60_000],
    ['no-store', 600_000],
    ['s-maxage=5', 600_000],
  ])('with "%s" are asked for again after %i ms', async (cacheControl, freshMs) => {
    gateway.keyHeaders = { 'cache-control': cacheControl };
    const fetch = secure();
    await fetch(URL_);
    nowMs += freshMs - 1;
    await fetch(URL_);
    expect(sent('GET')).toBe(1);
    nowMs += 1;
    await fetch(URL_);
    expect(sent('GET')).toBe(2);
  });

  test('of one caller who gives up are still there for the others', async () => {
    const controller = new AbortController();
    const fetch = secure();
    const aborted = expect(fetch(URL_, { signal: controller.signal })).rejects.toThrow();
    const other = fetch(URL_);
    controller.abort();
    await aborted;
    expect((await other).status).toBe(200);
  });

  test.each([
    ['a 404', () => new Response('{}', { status: 404 }), { code: 'downgrade_refused' }],
    ['a 405', () => new Response('{}', { status: 405 }), { code: 'downgrade_refused' }],
    ['a 503', () => new Response('{}', { status: 503 }), { name: 'ServiceUnavailableError', authenticated: false }],
    ['a redirect', () => new Response(null, { status: 302 }), { code: 'invalid_response' }],
    [
      'a page',
      () => new Response('<html>', { headers: { 'content-type': 'text/html' } }),
      { code: 'invalid_key_config' },
    ],
    ['rubbish', () => keys(Uint8Array.of(1, 0, 0x20, 9)), { code: 'invalid_key_config' }],
    ['an unknown KEM', () => keys(new Uint8Array([0, 3, 1, 9, 9])), { code: 'unsupported_key_config' }],
    ['nothing', () => keys(new Uint8Array(0)), { code: 'downgrade_refused' }],
    ['more than a list of keys', () => keys(new Uint8Array(65_537)), { code: 'invalid_response' }],
  ])('%s in their place stops everything', async (_, response, error) => {
    gateway.intercept = () => response();
    await expect(secure()(URL_, POST)).rejects.toMatchObject(error);
    expect(sent('POST')).toBe(0);
  });

  function keys(bytes: Uint8Array<ArrayBuffer>): Response {
    return new Response(bytes, { headers: { 'content-type': 'application/ohttp-keys' } });
  }
});

describe('a rotated key', () => {
  test('is fetched past caches, and the request sealed anew and sent once more', async () => {
    const fetch = secure();
    await fetch(URL_, POST);
    gateway.rotate();
    const response = await fetch(URL_, POST);
    await expect(response.json()).resolves.toEqual({ ok: true });
    expect(sent('GET')).toBe(2);
    expect(
      gateway.outer
        .filter(({ method }) => method === 'GET')
        .at(-1)
        ?.headers.get('cache-control'),
    ).toBe('no-cache');
    expect(gateway.opened.map(({ text }) => text)).toEqual(['canary', 'canary']);
    expect(new Set(gateway.opened.map(({ enc }) => enc)).size).toBe(2);
  });

  test('is fetched once for all requests that were refused', async () => {
    const fetch = secure();
    await fetch(URL_);
    gateway.rotate();
    const responses = await Promise.all([fetch(URL_), fetch(URL_), fetch(URL_)]);
    expect(responses.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(sent('GET')).toBe(2);
  });

  test('that is refused again is an error: there is no third time', async () => {
    gateway.intercept = (request) => (request.method === 'POST' ? problem(OHTTP_KEY_PROBLEM_TYPE, 422) : null);
    await expect(secure()(URL_)).rejects.toMatchObject({ name: 'SecurityError', code: 'unknown_key_id' });
    expect(sent('POST')).toBe(2);
    expect(sent('GET')).toBe(2);
  });

  test('a body that can be read again is sent again; one that cannot is an error', async () => {
    const fetch = secure({ fetch: undefined, runtime: { clock: { now: () => nowMs }, transport: streaming() } });
    await fetch(URL_);
    gateway.rotate();
    const blob = await fetch(URL_, { method: 'POST', body: new Blob(['again']) });
    expect(blob.status).toBe(200);
    expect(gateway.opened.at(-1)?.text).toBe('again');
    gateway.rotate();
    const once = fetch(URL_, { method: 'POST', body: new Blob(['once']).stream() });
    await expect(once).rejects.toMatchObject({ code: 'unknown_key_id' });
    const next = await fetch(URL_, { method: 'POST', body: new Blob(['next']).stream() });
    expect(next.status).toBe(200);
  });

  function streaming() {
    return {
      streamsUploads: true,
      async send({ url, method, headers, body }: { url: string; method: string; headers: object; body: unknown }) {
        const parts: Uint8Array[] = [];
        if (typeof body === 'object' && body !== null && Symbol.asyncIterator in body) {
          for await (const part of body as AsyncIterable<Uint8Array>) parts.push(part);
        } else if (body instanceof Uint8Array) parts.push(body);
        const init = { method, headers: { ...headers }, body: method === 'GET' ? null : Buffer.concat(parts) };
        const response = await gateway.fetch(url, init);
        const bytes = new Uint8Array(await response.arrayBuffer());
        return {
          status: response.status,
          headers: Object.fromEntries(response.headers),
          body: {
            async *[Symbol.asyncIterator]() {
              yield bytes;
            },
            cancel: async () => undefined,
          },
        };
      },
    };
  }

  test('of the option keyConfigs cannot be fetched: the error says so', async () => {
    const fetch = secure({ keyConfigs: await gateway.keyConfigs() });
    expect((await fetch(URL_)).status).toBe(200);
    expect(sent('GET')).toBe(0);
    gateway.rotate();
    await expect(fetch(URL_)).rejects.toMatchObject({ code: 'unknown_key_id' });
    expect(sent('GET')).toBe(0);
  });
});

describe('keys under a pinned identity', () => {
  const OTHER = createPrivateKey({
    key: Buffer.from(`302e020100300506032b657004220420${'43'.repeat(32)}`, 'hex'),
    format: 'der',
    type: 'pkcs8',
  });
  const OTHER_SIGNER: StatementSigner = {
    publicKey: createPublicKey(OTHER).export({ type: 'spki', format: 'der' }).subarray(-32),
    sign: (message) => sign(null, message, OTHER),
  };

  test('come out of the signed statement', async () => {
    const fetch = secure({ pinnedSigners: ['00'.repeat(32), pin.toUpperCase()] });
    expect((await fetch(URL_)).status).toBe(200);
    expect(gateway.outer.map(({ url }) => url)).toEqual([
      `${GATEWAY_ORIGIN}/pki/keys`,
      `${GATEWAY_ORIGIN}/.well-known/ohttp-gateway`,
    ]);
  });

  test.each([
    ['signed by another identity', { signers: [OTHER_SIGNER] }, 'untrusted_signer'],
    ['wrongly signed', { signers: [{ ...STAND_IN_SIGNER, sign: OTHER_SIGNER.sign }] }, 'invalid_key_statement'],
    ['expired', { claims: { expiresAt: NOW_MS / 1000 - 301 } }, 'key_statement_expired'],
    ['not valid yet', { claims: { issuedAt: NOW_MS / 1000 + 301 } }, 'key_statement_expired'],
    ['for another origin', { claims: { origin: 'https://other.test' } }, 'audience_mismatch'],
    ['without ohttp keys', { claims: { keyConfigs: new Uint8Array(0) } }, 'downgrade_refused'],
    ['missing', { intercept: () => new Response('', { status: 404 }) }, 'downgrade_refused'],
    ['no statement', { intercept: () => new Response('{}') }, 'invalid_key_statement'],
  ])('a statement that is %s stops everything', async (_, bent, code) => {
    Object.assign(gateway, bent);
    await expect(secure({ pinnedSigners: [pin] })(URL_, POST)).rejects.toMatchObject({ name: 'SecurityError', code });
    expect(sent('POST')).toBe(0);
  });

  test('an older epoch than was seen is refused, also by the next client with the same memory', async () => {
    const memory = createRouterMemory();
    const options = { pinnedSigners: [pin], memory };
    const fetch = secure(options);
    await fetch(URL_);
    expect(await memory.recall(GATEWAY_ORIGIN)).toEqual({ epoch: 5, protocol: null });
    gateway.claims = { epoch: 4 };
    gateway.rotate();
    await expect(fetch(URL_)).rejects.toMatchObject({ code: 'key_statement_rollback' });
    await expect(secure(options)(URL_)).rejects.toMatchObject({ code: 'key_statement_rollback' });
    expect((await secure({ pinnedSigners: [pin] })(URL_)).status).toBe(200);
  });

  test('are not used beyond the time that was signed, whatever max-age says', async () => {
    gateway.keyHeaders = { 'cache-control': 'max-age=80000' };
    gateway.claims = { expiresAt: NOW_MS / 1000 + 100 };
    const fetch = secure({ pinnedSigners: [pin] });
    await fetch(URL_);
    nowMs += 401_000;
    await expect(fetch(URL_)).rejects.toMatchObject({ code: 'key_statement_expired' });
  });

  test('an unsigned list beside the statement is never asked for', async () => {
    gateway.answer = () => json({});
    gateway.signers = [OTHER_SIGNER];
    await expect(secure({ pinnedSigners: [pin] })(URL_)).rejects.toThrow();
    expect(gateway.outer.every(({ url }) => url.endsWith('/pki/keys'))).toBe(true);
  });
});
