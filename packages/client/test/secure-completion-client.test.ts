import { encodeUtf8 } from '@sotto/protocol';
import { nodeCrypto } from '@sotto/protocol/node';
import { exportPublicKeyPem, openRequest, receiveRequest } from '@sotto/protocol/nomyo-v1';
import { beforeEach, describe, expect, test } from 'vitest';
import { SecureCompletionClient, type SecureCompletionClientOptions } from '../src/node/index.ts';
import { withRecordings } from './shared-folder.ts';
import { completionOf, ROUTER_URL, StandInRouter } from './stand-in-router.ts';
import { sharedKeyPair, type TestPlatform, testPlatform } from './test-platform.ts';

interface Recording {
  readonly clientKey: 'pythonClient' | 'jsClient';
  readonly response: { readonly bodyText: string; readonly plaintextText: string };
}

interface RecordedKeys {
  readonly pythonClient: RecordedPair;
  readonly jsClient: RecordedPair;
}

interface RecordedPair {
  readonly privateKeyPem: string;
  readonly publicKeyPem: string;
}

interface RecordedEnvelopes {
  readonly clientPrivateKeyPem: string;
  readonly response: { readonly plaintext: object; readonly envelope: object; readonly clientAddsMetadata: object };
}

let router: StandInRouter;
let platform: TestPlatform;

beforeEach(async () => {
  router = new StandInRouter(await sharedKeyPair(1));
  platform = testPlatform();
});

function client(options: SecureCompletionClientOptions = {}): SecureCompletionClient {
  return new SecureCompletionClient({
    routerUrl: ROUTER_URL,
    fetch: router.fetch,
    platform,
    dangerouslyTrustRouterWithoutEvidence: true,
    ...options,
  });
}

const RECORDED = ['python-1-chat', 'python-2-tools-tier', 'python-4-loaded-key', 'js-1-chat', 'js-2-tools'];

withRecordings(['keys', ...RECORDED], (keys, ...recordings) => {
  describe('answers recorded from a router of NOMYO clients', () => {
    test.each(RECORDED.map((name, index) => [name, recordings[index] as Recording] as const))(
      '%s opens with the loaded key',
      async (_, { clientKey, response }) => {
        const chat = client();
        await chat.loadKeys((keys as RecordedKeys)[clientKey]);
        const answer = await chat.decryptResponse(encodeUtf8(response.bodyText), 'pid');
        const { _metadata: ofRouter = {}, ...completion } = JSON.parse(response.plaintextText) as Record<
          string,
          object
        >;
        expect(answer).toMatchObject({
          ...completion,
          _metadata: { ...ofRouter, payload_id: 'pid', is_encrypted: true },
        });
      },
    );
  });
});

withRecordings(['python-envelopes'], (recorded) => {
  test('an answer made by NOMYO in Python opens, and gets the metadata that NOMYO adds', async () => {
    const { clientPrivateKeyPem, response } = recorded as RecordedEnvelopes;
    const chat = client();
    await chat.loadKeys({ privateKeyPem: clientPrivateKeyPem });
    const answer = await chat.decryptResponse(encodeUtf8(JSON.stringify(response.envelope)), 'pid-1');
    expect(answer).toEqual({
      ...response.plaintext,
      _metadata: { ...response.clientAddsMetadata, response_authenticated: false },
    });
  });
});

describe('fetchServerPublicKey', () => {
  test('returns the PEM of the router', async () => {
    await expect(client().fetchServerPublicKey()).resolves.toBe(exportPublicKeyPem(router.keyPair.publicKey));
  });

  test('asks each time, and can be aborted', async () => {
    const chat = client();
    await chat.fetchServerPublicKey();
    await chat.fetchServerPublicKey();
    expect(router.keyRequests).toHaveLength(2);
    const aborted = chat.fetchServerPublicKey({ signal: AbortSignal.abort() });
    await expect(aborted).rejects.toMatchObject({ code: 'request_aborted' });
  });
});

describe('encryptPayload', () => {
  test('seals the payload as it is to the key of the router, in the form of the Python client', async () => {
    const payload = { model: 'm', messages: [{ role: 'user', content: 'Grüße 🌍' }], stream: true };
    const envelope = await client().encryptPayload(payload);
    const parsed = JSON.parse(new TextDecoder().decode(envelope)) as Record<string, object>;
    expect(Object.keys(parsed['encrypted_payload'] ?? {})).toEqual(['ciphertext', 'nonce', 'tag']);
    const received = await receiveRequest(nodeCrypto, router.keyPair.privateKey, envelope);
    const { plaintext } = await openRequest(nodeCrypto, router.keyPair.privateKey, received.envelope);
    expect(JSON.parse(new TextDecoder().decode(plaintext))).toEqual(payload);
  });

  test('and decryptResponse refuse to work unbound where requestBinding is always', async () => {
    const chat = client({ requestBinding: 'always' });
    await expect(chat.encryptPayload({})).rejects.toMatchObject({ code: 'invalid_option' });
    await expect(chat.decryptResponse(new Uint8Array(), 'id')).rejects.toMatchObject({ code: 'invalid_option' });
  });
});

describe('sendSecureRequest', () => {
  test('sends under the payload id, key and tier it is given, and returns the answer as it is', async () => {
    router.answer = () => ({ anything: [1] });
    const answer = await client().sendSecureRequest({ model: 'm' }, 'pid-7', 'key', 'high');
    const headers = router.received[0]?.headers;
    expect(headers?.get('x-payload-id')).toBe('pid-7');
    expect(headers?.get('authorization')).toBe('Bearer key');
    expect(headers?.get('x-security-tier')).toBe('high');
    expect(answer).toMatchObject({ anything: [1], _metadata: { payload_id: 'pid-7' } });
  });

  test('refuses an unknown tier before anything is sent', async () => {
    const request = client().sendSecureRequest({ model: 'm' }, 'id', 'key', 'secret');
    await expect(request).rejects.toMatchObject({ code: 'invalid_security_tier' });
    expect(router.keyRequests).toHaveLength(0);
  });

  test.each(['', 'with\nline break'])('refuses the payload id %j, which no header takes', async (payloadId) => {
    const request = client().sendSecureRequest({ model: 'm' }, payloadId);
    await expect(request).rejects.toMatchObject({ code: 'invalid_option' });
    expect(router.received).toHaveLength(0);
  });
});

describe('generateKeys', () => {
  test('takes the pair that is in the making since construction', async () => {
    const chat = client();
    await chat.generateKeys();
    await chat.sendSecureRequest({ model: 'm' }, 'id');
    expect(platform.generated()).toBe(1);
  });

  test('replaces the pair, and a request under way still reads its answer', async () => {
    let pair = 0;
    platform = testPlatform({}, () => sharedKeyPair([0, 2][pair++] ?? 0));
    const chat = client();
    router.answer = ({ payload }) => completionOf(String(payload['user']));
    const first = chat.sendSecureRequest({ user: 'a' }, 'id');
    await chat.generateKeys();
    const second = chat.sendSecureRequest({ user: 'b' }, 'id');
    await expect(Promise.all([first, second])).resolves.toHaveLength(2);
    expect(new Set(router.received.map(({ headers }) => headers.get('x-public-key'))).size).toBe(2);
  });
});

test('routerUrl and baseURL that differ are refused', () => {
  expect(() => client({ baseURL: 'https://other.test' })).toThrow(expect.objectContaining({ code: 'invalid_option' }));
});
