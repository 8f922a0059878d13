import { beforeEach, describe, expect, test } from 'vitest';
import type { ClientOptions } from '../src/client-options.ts';
import { SecureChatCompletion } from '../src/node/index.ts';
import { completionOf, ROUTER_URL, StandInRouter } from './stand-in-router.ts';
import { sharedKeyPair, type TestPlatform, testPlatform } from './test-platform.ts';

const MESSAGES = [{ role: 'user', content: 'Hello' }];

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

describe('create', () => {
  test('passes every parameter on but security_tier, api_key, base_url and the wish to stream', async () => {
    await client().create({
      model: 'm',
      messages: MESSAGES,
      temperature: 0.5,
      max_tokens: 7,
      stop: ['.'],
      tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
      tool_choice: 'auto',
      user: 'u',
      a_parameter_of_tomorrow: { deep: [1] },
      security_tier: 'high',
      api_key: 'other',
      base_url: ROUTER_URL,
      stream: false,
      stream_options: { include_usage: true },
    });
    expect(router.received[0]?.payload).toEqual({
      model: 'm',
      messages: MESSAGES,
      temperature: 0.5,
      max_tokens: 7,
      stop: ['.'],
      tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
      tool_choice: 'auto',
      user: 'u',
      a_parameter_of_tomorrow: { deep: [1] },
    });
  });

  test('sends tier and key in headers, as NOMYO does, and a fresh UUID as payload id', async () => {
    const chat = client();
    await chat.create({ model: 'm', messages: MESSAGES, security_tier: 'maximum' });
    await chat.create({ model: 'm', messages: MESSAGES, api_key: 'other' });
    const [first, second] = router.received;
    expect(first?.headers.get('x-security-tier')).toBe('maximum');
    expect(first?.headers.get('authorization')).toBe('Bearer k');
    expect(first?.headers.get('content-type')).toBe('application/octet-stream');
    expect(first?.headers.get('x-payload-id')).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(second?.headers.get('x-security-tier')).toBeNull();
    expect(second?.headers.get('authorization')).toBe('Bearer other');
    expect(second?.headers.get('x-payload-id')).not.toBe(first?.headers.get('x-payload-id'));
  });

  test('an api_key of null sends no Authorization', async () => {
    await client().create({ model: 'm', messages: MESSAGES, api_key: null });
    expect(router.received[0]?.headers.has('authorization')).toBe(false);
  });

  test('merges its own metadata over what the router put there', async () => {
    const answer = await client().create({ model: 'm', messages: MESSAGES });
    expect(answer.choices[0]?.message.content).toBe('hello');
    expect(answer._metadata).toEqual({
      security_tier: 'high',
      payload_id: router.received[0]?.headers.get('x-payload-id'),
      processed_at: 1_800_000_000,
      is_encrypted: true,
      encryption_algorithm: 'hybrid-aes256-rsa4096',
      response_authenticated: true,
    });
  });

  test('refuses an unknown tier before anything is sent', async () => {
    const request = client().create({ model: 'm', messages: MESSAGES, security_tier: 'medium' as 'high' });
    await expect(request).rejects.toMatchObject({ name: 'InvalidRequestError', code: 'invalid_security_tier' });
    expect(router.keyRequests).toHaveLength(0);
    expect(router.received).toHaveLength(0);
  });

  test('refuses a payload that brings the binding itself', async () => {
    const request = client().create({ model: 'm', messages: MESSAGES, _sotto: {} });
    await expect(request).rejects.toMatchObject({ code: 'invalid_request', param: '_sotto' });
    expect(router.received).toHaveLength(0);
  });

  test('refuses a request of more than 10 MiB before it is sent, and does not try again', async () => {
    const request = client().create({
      model: 'm',
      messages: [{ role: 'user', content: 'x'.repeat(10 * 1024 * 1024) }],
    });
    await expect(request).rejects.toMatchObject({ name: 'PayloadTooLargeError', code: 'payload_too_large' });
    expect(router.received).toHaveLength(0);
    expect(platform.clock.delays).toEqual([]);
  });

  test('base_url sends one request to another router, under the same rules', async () => {
    const chat = client();
    const insecure = chat.create({ model: 'm', messages: MESSAGES, base_url: 'http://other.test' });
    await expect(insecure).rejects.toMatchObject({ name: 'SecurityError', code: 'insecure_transport' });
    const seen: string[] = [];
    router.intercept = (request) => {
      seen.push(request.url);
      return null;
    };
    await chat.create({ model: 'm', messages: MESSAGES, base_url: 'https://other.test/' });
    expect(seen).toEqual(['https://other.test/pki/public_key', 'https://other.test/v1/chat/secure_completion']);
  });

  test('acreate is create under its other name', async () => {
    const answer = await client().acreate({ model: 'm', messages: MESSAGES });
    expect(answer.choices[0]?.message.content).toBe('hello');
    const stream = await client().acreate({ model: 'm', messages: MESSAGES, stream: true });
    for await (const chunk of stream) expect(chunk.choices[0]?.delta.content).toBe('hello');
  });

  test('withResponse tells status, header fields and request id beside the answer', async () => {
    const { data, response } = await client().create({ model: 'm', messages: MESSAGES }).withResponse();
    expect(data.choices).toHaveLength(1);
    expect(response).toMatchObject({ status: 200, requestId: 'request-1' });
    expect(response.headers.get('x-request-id')).toBe('request-1');
  });

  test('a promise that fails can be caught and finally runs', async () => {
    let ran = false;
    const failed = client({ allowHttp: false }).create({ model: 'm', messages: MESSAGES, base_url: 'nonsense' });
    const caught = await failed.finally(() => (ran = true)).catch((error: unknown) => error);
    expect(caught).toMatchObject({ code: 'invalid_option' });
    expect(ran).toBe(true);
  });

  test.each([
    ['text', 'hello'],
    ['a list', []],
    ['no choices', { id: 'x' }],
    ['a choice without a message', { choices: [{}] }],
  ])('refuses a sealed answer that is %s', async (_, answer) => {
    router.answer = () => answer;
    const request = client().create({ model: 'm', messages: MESSAGES });
    await expect(request).rejects.toMatchObject({ name: 'SecurityError', code: 'invalid_response' });
    expect(router.received).toHaveLength(1);
  });
});

describe('stream: true over nomyo-v1', () => {
  test('is asked for unstreamed and yields the answer as one chunk', async () => {
    const stream = await client().create({ model: 'm', messages: MESSAGES, stream: true });
    const chunks = [];
    for await (const chunk of stream) chunks.push(chunk);
    expect(router.received[0]?.payload).toEqual({ model: 'm', messages: MESSAGES });
    expect(chunks).toHaveLength(1);
    expect(chunks[0]).toMatchObject({
      object: 'chat.completion.chunk',
      choices: [
        {
          index: 0,
          delta: { role: 'assistant', content: 'hello' },
          message: { role: 'assistant', content: 'hello' },
          finish_reason: 'stop',
        },
      ],
      usage: { total_tokens: 8 },
      _metadata: { is_encrypted: true },
    });
  });

  test('numbers the calls of tools, as code written for streams expects', async () => {
    const call = { id: 'c1', type: 'function', function: { name: 'f', arguments: '{}' } };
    const message = { role: 'assistant', content: null, tool_calls: [call, { ...call, id: 'c2' }] };
    router.answer = () => ({ ...completionOf(''), choices: [{ index: 0, message, finish_reason: 'tool_calls' }] });
    const stream = await client().create({ model: 'm', messages: MESSAGES, stream: true });
    for await (const chunk of stream) {
      expect(chunk.choices[0]?.delta.tool_calls?.map(({ index, id }) => [index, id])).toEqual([
        [0, 'c1'],
        [1, 'c2'],
      ]);
    }
  });
});

describe('withOptions', () => {
  test('keeps the class, the key pair and the keys of routers', async () => {
    const chat = client();
    await chat.create({ model: 'm', messages: MESSAGES });
    const other = chat.withOptions({ apiKey: 'k2', maxRetries: 0 });
    await other.create({ model: 'm', messages: MESSAGES });
    expect(other).toBeInstanceOf(SecureChatCompletion);
    expect(platform.generated()).toBe(1);
    expect(router.keyRequests).toHaveLength(1);
    expect(router.received[1]?.headers.get('authorization')).toBe('Bearer k2');
    expect(router.received[1]?.headers.get('x-public-key')).toBe(router.received[0]?.headers.get('x-public-key'));
  });

  test('holds a router key that it knew already against new pins', async () => {
    const chat = client();
    await chat.create({ model: 'm', messages: MESSAGES });
    const pinned = chat.withOptions({ pinnedKeys: ['00'.repeat(32)] });
    await expect(pinned.create({ model: 'm', messages: MESSAGES })).rejects.toMatchObject({ code: 'key_mismatch' });
  });

  test('takes either name of the address over the other', async () => {
    const seen: string[] = [];
    router.intercept = (request) => {
      seen.push(new URL(request.url).host);
      return null;
    };
    await client().withOptions({ baseUrl: 'https://b.test' }).create({ model: 'm', messages: MESSAGES });
    expect(new Set(seen)).toEqual(new Set(['b.test']));
  });
});

test('twelve first calls at once share one key pair and one fetch of the router key', async () => {
  router.answer = ({ payload }) => completionOf(String(payload['user']));
  const chat = client();
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, index) => chat.create({ model: 'm', messages: MESSAGES, user: `u${index}` })),
  );
  expect(answers.map((answer) => answer.choices[0]?.message.content)).toEqual(
    Array.from({ length: 12 }, (_, index) => `u${index}`),
  );
  expect(platform.generated()).toBe(1);
  expect(router.keyRequests).toHaveLength(1);
  expect(new Set(router.received.map(({ headers }) => headers.get('x-public-key'))).size).toBe(1);
});

test('a key pair that cannot be made fails the request and not the process, and the next request tries again', async () => {
  let failures = 1;
  platform = testPlatform({}, async () => {
    if (failures-- > 0) throw new Error('no entropy');
    return sharedKeyPair(0);
  });
  const chat = client();
  await expect(chat.create({ model: 'm', messages: MESSAGES })).rejects.toThrow('no entropy');
  await expect(chat.create({ model: 'm', messages: MESSAGES })).resolves.toMatchObject({ id: 'chatcmpl-1' });
});

test('wipes the answer and the content keys after use, unless secureMemory is false', async () => {
  for (const secureMemory of [true, false]) {
    const opened: Uint8Array[] = [];
    const random: Uint8Array[] = [];
    const watched = {
      ...platform,
      crypto: {
        ...platform.crypto,
        aesGcmOpen: async (key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array) => {
          const plaintext = await platform.crypto.aesGcmOpen(key, nonce, sealed);
          opened.push(plaintext);
          return plaintext;
        },
        randomBytes: (length: number) => {
          const bytes = platform.crypto.randomBytes(length);
          if (length === 32) random.push(bytes);
          return bytes;
        },
      },
    };
    await client({ platform: watched, secureMemory }).create({ model: 'm', messages: MESSAGES });
    expect(opened).toHaveLength(1);
    expect(opened.every((bytes) => bytes.every((byte) => byte === 0))).toBe(secureMemory);
    // The first is the request's content key; the second a substitute that was never used as a key.
    expect(random[0]?.every((byte) => byte === 0)).toBe(secureMemory);
  }
});
