import { nodeCrypto } from '@sotto/protocol/node';
import { fingerprint } from '@sotto/protocol/nomyo-v1';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ClientOptions } from '../src/client-options.ts';
import { createRouterMemory, type LogFields, SecureChatCompletion } from '../src/node/index.ts';
import { json, StandInGateway } from './ohttp/stand-in-gateway.ts';
import { completionOf, ROUTER_URL, StandInRouter } from './stand-in-router.ts';
import { sharedKeyPair, type TestPlatform, testPlatform } from './test-platform.ts';

const REQUEST = { model: 'm', messages: [{ role: 'user', content: 'Hello' }] };

let gateway: StandInGateway;
let router: StandInRouter;
let platform: TestPlatform;
/** What the router answers at the ohttp gateway's address instead of its keys. */
let noOhttp: (() => Response) | null;
let discoveries: number;

beforeEach(async () => {
  gateway = new StandInGateway();
  gateway.answer = () => json(completionOf('over ohttp'));
  router = new StandInRouter(await sharedKeyPair(1));
  router.answer = () => completionOf('over nomyo-v1');
  platform = testPlatform();
  noOhttp = null;
  discoveries = 0;
});

/** One router with both protocols. */
async function fetch(url: string, init: RequestInit): Promise<Response> {
  if (!new URL(url).pathname.startsWith('/.well-known/')) return router.fetch(url, init);
  if (init.method === 'GET') discoveries++;
  return noOhttp?.() ?? gateway.fetch(url, init);
}

function client(options: ClientOptions = {}): SecureChatCompletion {
  return new SecureChatCompletion({ baseURL: ROUTER_URL, apiKey: 'k', fetch, platform, ...options });
}

async function said(chat: SecureChatCompletion): Promise<unknown> {
  return (await chat.create(REQUEST)).choices[0]?.message.content;
}

function notFound(): Response {
  return Response.json({ detail: 'Not Found' }, { status: 404 });
}

describe('auto', () => {
  test('takes ohttp where the router has it, and makes no RSA key pair', async () => {
    await expect(said(client())).resolves.toBe('over ohttp');
    expect(platform.generated()).toBe(0);
  });

  test.each([404, 405])(
    'takes nomyo-v1 where the router clearly has no ohttp (%i), and finds out once',
    async (status) => {
      noOhttp = () => new Response('{}', { status });
      const chat = client();
      await expect(Promise.all([said(chat), said(chat)])).resolves.toEqual(['over nomyo-v1', 'over nomyo-v1']);
      await said(chat);
      expect(discoveries).toBe(1);
      expect(platform.generated()).toBe(1);
    },
  );

  test('says so, once', async () => {
    noOhttp = notFound;
    const entries: string[] = [];
    const write = (message: string, _: LogFields): void => void entries.push(message);
    const chat = client({ logger: { debug: write, info: write, warn: write, error: write } });
    await said(chat);
    await said(chat);
    expect(entries.filter((message) => message.includes('offers no ohttp'))).toHaveLength(1);
  });

  test.each([500, 503, 403, 302])(
    'a %i says nothing of what the router speaks: no protocol is chosen',
    async (status) => {
      noOhttp = () => new Response(null, { status });
      const chat = client({ maxRetries: 0 });
      await expect(said(chat)).rejects.toThrow();
      expect(router.received).toEqual([]);
      noOhttp = null;
      await expect(said(chat)).resolves.toBe('over ohttp');
    },
  );

  test('a broken connection says nothing either', async () => {
    noOhttp = () => {
      throw new TypeError('refused');
    };
    await expect(said(client({ maxRetries: 0 }))).rejects.toMatchObject({ code: 'connection_failed' });
    expect(router.received).toEqual([]);
  });

  test('never goes back from ohttp, not even in another client with the same memory', async () => {
    const memory = createRouterMemory();
    await said(client({ memory }));
    expect(await memory.recall(ROUTER_URL)).toEqual({ epoch: null, protocol: 'ohttp' });
    noOhttp = notFound;
    await expect(said(client({ memory }))).rejects.toMatchObject({ name: 'SecurityError', code: 'downgrade_refused' });
    await expect(said(client({ memory, pinnedKeys: ['ab'.repeat(32)] }))).rejects.toMatchObject({
      code: 'downgrade_refused',
    });
    expect(router.received).toEqual([]);
  });

  test('nor in a client that was made out of this one', async () => {
    const chat = client();
    await said(chat);
    noOhttp = notFound;
    const other = chat.withOptions({ platform: { ...platform }, fetch: (url, init) => fetch(url, init) });
    await expect(said(other)).rejects.toMatchObject({ code: 'downgrade_refused' });
    expect(router.received).toEqual([]);
  });

  test('goes up from nomyo-v1 when a later client finds ohttp', async () => {
    const memory = createRouterMemory();
    noOhttp = notFound;
    await said(client({ memory }));
    expect(await memory.recall(ROUTER_URL)).toEqual({ epoch: null, protocol: 'nomyo-v1' });
    noOhttp = null;
    await expect(said(client({ memory }))).resolves.toBe('over ohttp');
    expect(await memory.recall(ROUTER_URL)).toEqual({ epoch: null, protocol: 'ohttp' });
  });

  test.each([
    [{ pqKem: 'required' }],
    [{ pinnedSigners: ['ab'.repeat(32)] }],
    [{ relayUrl: 'https://relay.test' }],
    [{ protocol: 'ohttp' }],
  ] as const)('%j never falls', async (options) => {
    noOhttp = notFound;
    router.intercept = () => notFound();
    await expect(said(client(options))).rejects.toMatchObject({ code: 'downgrade_refused' });
    expect(router.received).toEqual([]);
  });

  test('a pin of the RSA key alone takes the protocol that can be held to it', async () => {
    const pinnedKeys = [await fingerprint(nodeCrypto, router.keyPair.publicKey)];
    await expect(said(client({ pinnedKeys }))).resolves.toBe('over nomyo-v1');
    expect(discoveries).toBe(0);
  });

  test('streams over nomyo-v1 as one chunk', async () => {
    noOhttp = notFound;
    const contents: unknown[] = [];
    for await (const chunk of await client().create({ ...REQUEST, stream: true })) {
      contents.push(chunk.choices[0]?.delta.content);
    }
    expect(contents).toEqual(['over nomyo-v1']);
  });

  test('the protocol that is named is the one that is used', async () => {
    await expect(said(client({ protocol: 'nomyo-v1' }))).resolves.toBe('over nomyo-v1');
    await expect(said(client({ protocol: 'ohttp' }))).resolves.toBe('over ohttp');
    const wrong = { protocol: 'clear' as 'auto' };
    expect(() => client(wrong)).toThrow(expect.objectContaining({ code: 'invalid_option' }) as unknown);
  });
});
