import { nodeCrypto } from '@sotto/protocol/node';
import { fingerprint } from '@sotto/protocol/nomyo-v1';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ClientOptions } from '../src/client-options.ts';
import { SecureCompletionClient } from '../src/node/index.ts';
import { ROUTER_URL, StandInRouter } from './stand-in-router.ts';
import { sharedKeyPair, type TestPlatform, testPlatform } from './test-platform.ts';

let router: StandInRouter;
let platform: TestPlatform;

beforeEach(async () => {
  router = new StandInRouter(await sharedKeyPair(1));
  platform = testPlatform();
});

function client(options: ClientOptions = {}): SecureCompletionClient {
  return new SecureCompletionClient({ routerUrl: ROUTER_URL, fetch: router.fetch, platform, ...options });
}

describe('pins', () => {
  test('let a pinned key through, in either way to write it', async () => {
    const pin = await fingerprint(nodeCrypto, router.keyPair.publicKey);
    const colons = pin.toUpperCase().replace(/..(?=.)/g, '$&:');
    for (const pinnedKeys of [[pin], [colons], ['00'.repeat(32), pin]]) {
      await expect(client({ pinnedKeys }).fetchServerPublicKey()).resolves.toContain('BEGIN PUBLIC KEY');
    }
  });

  test('refuse any other key, and nothing is sent', async () => {
    const payload = { model: 'm', messages: [] };
    const request = client({ pinnedKeys: ['00'.repeat(32)] }).sendSecureRequest(payload, 'id');
    await expect(request).rejects.toMatchObject({ name: 'SecurityError', code: 'key_mismatch' });
    expect(router.received).toHaveLength(0);
    expect(platform.clock.delays).toEqual([]);
  });
});

describe('the cache', () => {
  const send = (of: SecureCompletionClient) => of.sendSecureRequest({ model: 'm' }, 'id');

  test('holds a key for serverKeyMaxAgeMs, then asks whether it has changed', async () => {
    const chat = client({ serverKeyMaxAgeMs: 1_000 });
    await send(chat);
    platform.clock.nowMs += 999;
    await send(chat);
    expect(router.keyRequests).toHaveLength(1);
    platform.clock.nowMs += 1;
    await send(chat);
    expect(router.keyRequests.map((request) => request.headers.has('if-none-match'))).toEqual([false, true]);
    platform.clock.nowMs += 999;
    await send(chat);
    expect(router.keyRequests).toHaveLength(2);
  });

  test('of 0 milliseconds asks before every request, as NOMYO does', async () => {
    const chat = client({ serverKeyMaxAgeMs: 0 });
    await send(chat);
    await send(chat);
    expect(router.keyRequests).toHaveLength(2);
  });

  test('takes a new key when the old one has aged', async () => {
    const chat = client({ serverKeyMaxAgeMs: 0 });
    await send(chat);
    router.keyPair = await sharedKeyPair(2);
    await expect(send(chat)).resolves.toMatchObject({ id: 'chatcmpl-1' });
  });
});

describe('an answer that is no key', () => {
  test.each([
    ['a page', () => new Response('<html>log in</html>')],
    ['a private key', () => new Response('-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----')],
    ['bytes that are no text', () => new Response(Uint8Array.of(0xff, 0xfe))],
    ['too many bytes', () => new Response('x'.repeat(16_385))],
    ['a 304 that nobody asked for', () => new Response(null, { status: 304 })],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: '/' } })],
  ])('%s is refused', async (_, response) => {
    router.intercept = () => response();
    const fetching = client().fetchServerPublicKey();
    await expect(fetching).rejects.toMatchObject({ name: 'SecurityError', code: 'invalid_response' });
  });

  test('an error status is the error of that status', async () => {
    router.intercept = () => Response.json({ detail: 'switched off' }, { status: 404 });
    await expect(client().fetchServerPublicKey()).rejects.toMatchObject({
      name: 'NotFoundError',
      message: 'switched off',
    });
  });
});
