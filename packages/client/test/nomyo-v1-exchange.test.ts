import { apiError, encodeUtf8 } from '@sotto/protocol';
import { nodeCrypto } from '@sotto/protocol/node';
import {
  decodePublicKeyHeader,
  encodePublicKeyHeader,
  exportPublicKeyPem,
  fingerprint,
  importPublicKeyPem,
  openResponse,
  sealResponse,
} from '@sotto/protocol/nomyo-v1';
import { beforeEach, describe, expect, test } from 'vitest';
import type { ClientOptions } from '../src/client-options.ts';
import { type Fetch, fetchTransport } from '../src/fetch-transport.ts';
import { SecureChatCompletion } from '../src/node/index.ts';
import type { Transport } from '../src/transport.ts';
import { completionOf, ROUTER_URL, StandInRouter } from './stand-in-router.ts';
import { sharedKeyPair, type TestPlatform, testPlatform } from './test-platform.ts';

const REQUEST = { model: 'm', messages: [{ role: 'user', content: 'Hello' }] };
const COMPLETION_PATH = '/v1/chat/secure_completion';

let router: StandInRouter;
let platform: TestPlatform;

beforeEach(async () => {
  router = new StandInRouter(await sharedKeyPair(1));
  platform = testPlatform();
});

function client(options: ClientOptions = {}): SecureChatCompletion {
  return new SecureChatCompletion({
    baseURL: ROUTER_URL,
    apiKey: 'k',
    fetch: router.fetch,
    platform,
    protocol: 'nomyo-v1',
    dangerouslyTrustRouterWithoutEvidence: true,
    ...options,
  });
}

/** A middlebox that terminates TLS: it puts its own key in the place of the client's, reads, changes, re-encrypts. */
function swappingMiddlebox(): { readonly fetch: Fetch; readonly read: string[] } {
  const read: string[] = [];
  const fetch: Fetch = async (url, init) => {
    if (!url.endsWith(COMPLETION_PATH)) return router.fetch(url, init);
    const mine = await sharedKeyPair(2);
    const headers = new Headers(init.headers);
    const pem = decodePublicKeyHeader(headers.get('x-public-key') ?? undefined);
    const victim = await importPublicKeyPem(nodeCrypto, pem);
    headers.set('x-public-key', encodePublicKeyHeader(exportPublicKeyPem(mine.publicKey)));
    const answer = await router.fetch(url, { ...init, headers });
    if (answer.status !== 200) return answer;
    const body = new Uint8Array(await answer.arrayBuffer());
    const opened = await openResponse(nodeCrypto, mine.privateKey, body, null);
    read.push(new TextDecoder().decode(opened.plaintext));
    return forged(victim);
  };
  return { fetch, read };
}

async function forged(victim: Awaited<ReturnType<typeof importPublicKeyPem>>): Promise<Response> {
  const plaintext = encodeUtf8(JSON.stringify(completionOf('buy my coin')));
  const options = { clientKey: victim, tagStyle: 'separate', macUnder: null, nowMs: 0 } as const;
  return new Response(await sealResponse(nodeCrypto, plaintext, options));
}

describe('a middlebox that swaps the public key', () => {
  test('is noticed by the router where the request is bound, and reads nothing', async () => {
    const middlebox = swappingMiddlebox();
    const request = client({ fetch: middlebox.fetch }).create(REQUEST);
    await expect(request).rejects.toMatchObject({ name: 'InvalidRequestError', code: 'binding_mismatch' });
    expect(middlebox.read).toEqual([]);
  });

  test('succeeds where the request is not bound: that is why it is', async () => {
    const middlebox = swappingMiddlebox();
    const answer = await client({ fetch: middlebox.fetch, requestBinding: 'never' }).create(REQUEST);
    expect(answer.choices[0]?.message.content).toBe('buy my coin');
    expect(answer._metadata.response_authenticated).toBe(false);
    expect(middlebox.read).toHaveLength(1);
  });
});

describe('an answer to a bound request', () => {
  test('that somebody else made is refused, and the request is not sent again', async () => {
    router.intercept = async (request, path) => {
      if (path !== COMPLETION_PATH) return null;
      const pem = decodePublicKeyHeader(request.headers.get('x-public-key') ?? undefined);
      router.received.push({ headers: request.headers, body: '', payload: {}, binding: null });
      return forged(await importPublicKeyPem(nodeCrypto, pem));
    };
    const request = client().create(REQUEST);
    await expect(request).rejects.toMatchObject({ name: 'SecurityError', code: 'response_not_authentic' });
    expect(router.received).toHaveLength(1);
    expect(platform.clock.delays).toEqual([]);
  });

  test('is refused without its MAC', async () => {
    const fetch: Fetch = async (url, init) => {
      const answer = await router.fetch(url, init);
      if (!url.endsWith(COMPLETION_PATH)) return answer;
      const { sotto_mac: mac, ...envelope } = (await answer.json()) as Record<string, unknown>;
      expect(mac).toBeTypeOf('string');
      return Response.json(envelope);
    };
    await expect(client({ fetch }).create(REQUEST)).rejects.toMatchObject({ code: 'response_not_authentic' });
  });

  test('is refused where it answers another request', async () => {
    let first: string | null = null;
    const fetch: Fetch = async (url, init) => {
      const answer = await router.fetch(url, init);
      if (!url.endsWith(COMPLETION_PATH)) return answer;
      const body = await answer.text();
      first ??= body;
      return new Response(first);
    };
    const chat = client({ fetch });
    await chat.create(REQUEST);
    await expect(chat.create(REQUEST)).rejects.toMatchObject({ code: 'response_not_authentic' });
  });
});

describe('the binding', () => {
  test('speaks of key, payload id, tier and time', async () => {
    await client().create({ ...REQUEST, security_tier: 'high' });
    const [received] = router.received;
    expect(received?.binding).toEqual({
      v: 1,
      ts: 1_800_000_000,
      payload_id: received?.headers.get('x-payload-id'),
      client_key: await fingerprint(nodeCrypto, (await sharedKeyPair(0)).publicKey),
      tier: 'high',
    });
  });

  test('is left out for a router that does not offer it', async () => {
    router.offersBinding = false;
    const answer = await client().create(REQUEST);
    expect(router.received[0]?.binding).toBeNull();
    expect(answer._metadata.response_authenticated).toBe(false);
  });

  test('is sent to any router with requestBinding: always', async () => {
    router.offersBinding = false;
    await client({ requestBinding: 'always' }).create(REQUEST);
    expect(router.received[0]?.binding).not.toBeNull();
  });

  test('stays once a router has offered it, also for clients made out of this one', async () => {
    const chat = client({ serverKeyMaxAgeMs: 0 });
    await chat.create(REQUEST);
    router.offersBinding = false;
    await chat.create(REQUEST);
    await chat.withOptions({ fetch: router.fetch }).create(REQUEST);
    expect(router.keyRequests.length).toBeGreaterThan(2);
    expect(router.received.map(({ binding }) => binding === null)).toEqual([false, false, false]);
  });
});

describe('a router with a new key', () => {
  test('is asked for it once, and the request is sealed anew', async () => {
    const chat = client();
    await chat.create(REQUEST);
    router.keyPair = await sharedKeyPair(2);
    await expect(chat.create(REQUEST)).resolves.toMatchObject({ id: 'chatcmpl-1' });
    expect(router.keyRequests).toHaveLength(2);
    expect(platform.clock.delays).toEqual([]);
  });

  test('is not believed against the pins', async () => {
    const pin = await fingerprint(nodeCrypto, router.keyPair.publicKey);
    const chat = client({ pinnedKeys: [pin] });
    await chat.create(REQUEST);
    router.keyPair = await sharedKeyPair(2);
    await expect(chat.create(REQUEST)).rejects.toMatchObject({ code: 'key_mismatch' });
    expect(router.received).toHaveLength(1);
  });

  test('that still cannot open the request is an error after two attempts', async () => {
    router.answer = () => apiError('decryption_failed', 'no');
    const chat = client();
    await expect(chat.create(REQUEST)).rejects.toMatchObject({ status: 400, code: 'decryption_failed' });
    expect(router.received).toHaveLength(1);
    expect(router.keyRequests).toHaveLength(2);
  });
});

describe('an answer that is no sealed one', () => {
  test.each([301, 302, 303, 307, 308])('a %i is not followed', async (status) => {
    const seen: string[] = [];
    router.intercept = (request, path) => {
      seen.push(request.url);
      return path === COMPLETION_PATH ? new Response(null, { status, headers: { location: '/elsewhere' } }) : null;
    };
    await expect(client().create(REQUEST)).rejects.toMatchObject({ name: 'SecurityError', code: 'invalid_response' });
    expect(seen).toHaveLength(2);
  });

  test.each([
    ['plain JSON', () => Response.json(completionOf('in clear'))],
    ['nothing', () => new Response('')],
    ['a 204', () => new Response(null, { status: 204 })],
    ['more bytes than any envelope', () => new Response(new Uint8Array(15 * 1024 * 1024))],
  ])('%s is refused', async (_, response) => {
    router.intercept = (_request, path) => (path === COMPLETION_PATH ? response() : null);
    await expect(client().create(REQUEST)).rejects.toMatchObject({ name: 'SecurityError', code: 'invalid_response' });
    expect(platform.clock.delays).toEqual([]);
  });

  test('one sealed to another key is a decryption_failed', async () => {
    const other = await sharedKeyPair(2);
    router.intercept = async (_, path) => (path === COMPLETION_PATH ? forged(other.publicKey) : null);
    const request = client({ requestBinding: 'never' }).create(REQUEST);
    await expect(request).rejects.toMatchObject({ name: 'SecurityError', code: 'decryption_failed' });
  });

  test('one with a header field that is no Latin-1 is read without that field', async () => {
    const transport: Transport = {
      async send(request) {
        const answer = await fetchTransport(router.fetch).send(request);
        return { ...answer, headers: { ...answer.headers, 'x-note': '🌍' } };
      },
    };
    const chat = new SecureChatCompletion({
      baseURL: ROUTER_URL,
      protocol: 'nomyo-v1',
      platform: { ...platform, transport },
    });
    const { response } = await chat.create(REQUEST).withResponse();
    expect(response.headers.has('x-note')).toBe(false);
    expect(response.headers.has('x-request-id')).toBe(true);
  });

  test('one that arrives byte by byte is read as a whole', async () => {
    const fetch: Fetch = async (url, init) => {
      const bytes = new Uint8Array(await (await router.fetch(url, init)).arrayBuffer());
      const body = new ReadableStream({
        start(stream) {
          for (const byte of bytes) stream.enqueue(Uint8Array.of(byte));
          stream.close();
        },
      });
      return new Response(body, { headers: { 'sotto-binding': '1' } });
    };
    await expect(client({ fetch }).create(REQUEST)).resolves.toMatchObject({ id: 'chatcmpl-1' });
  });
});
