import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createSecureFetch } from '@sotto/client';
import { SecurityError } from '@sotto/protocol';
import OpenAI, {
  APIConnectionError,
  AuthenticationError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  PermissionDeniedError,
  RateLimitError,
} from 'openai';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { json, wellBehaved } from '../packages/router/test/stand-in-upstream.ts';
import { API_KEY, type SealedRouter, startSealedRouter } from './sealed-router.ts';

const QUESTION = { model: 'm', messages: [{ role: 'user' as const, content: 'hello' }] };
/** The SDK waits between attempts as long as an answer says: these tests' answers say a millisecond. */
const AT_ONCE = { 'retry-after-ms': '1' };
let sealed: SealedRouter;

beforeAll(async () => {
  sealed = await startSealedRouter();
});
afterEach(() => sealed.upstream.behave(wellBehaved(['m'])));
afterAll(() => sealed.close());

function sdk(options: { apiKey?: string; url?: string; onSecurityError?: 'throw' | 'response'; pin?: string } = {}) {
  const { url = sealed.url, apiKey = API_KEY, onSecurityError = 'response', pin } = options;
  const pinnedSigners = pin === undefined ? undefined : [pin];
  const fetch = createSecureFetch({ routerUrl: url, allowHttp: true, onSecurityError, pinnedSigners });
  return new OpenAI({ baseURL: `${url}/v1`, apiKey, fetch });
}

async function failureOf(openai: OpenAI, body: object = QUESTION): Promise<unknown> {
  try {
    await openai.chat.completions.create({ ...QUESTION, ...body });
  } catch (error) {
    return error;
  }
  throw new Error('the request succeeded');
}

/** How often the model server was asked by one call. */
async function attemptsOf(run: () => Promise<unknown>): Promise<number> {
  const before = sealed.upstream.seen.length;
  await run();
  return sealed.upstream.seen.length - before;
}

describe("errors that came out of the ciphertext are the SDK's own classes", () => {
  test('400, with the field at fault, once', async () => {
    const failure = await failureOf(sdk(), { messages: [] });
    expect(failure).toBeInstanceOf(BadRequestError);
    expect(failure).toMatchObject({ status: 400, param: 'messages', code: 'invalid_request' });
  });

  test('400 in the words of the model server', async () => {
    const told = {
      message: 'temperature is too high',
      type: 'invalid_request_error',
      param: 'temperature',
      code: null,
    };
    sealed.upstream.behave(json({ error: told }, 400));
    const attempts = await attemptsOf(async () => {
      const failure = await failureOf(sdk());
      expect(failure).toBeInstanceOf(BadRequestError);
      expect(failure).toMatchObject({ param: 'temperature' });
      expect(String(failure)).toContain('temperature is too high');
    });
    expect(attempts).toBe(1);
  });

  test('401 for a wrong key, which reached no model server', async () => {
    const attempts = await attemptsOf(async () => {
      const failure = await failureOf(sdk({ apiKey: 'sotto_wrong' }));
      expect(failure).toBeInstanceOf(AuthenticationError);
      expect(failure).toMatchObject({ status: 401, code: 'invalid_api_key' });
      expect(String(failure)).not.toContain('sotto_wrong');
    });
    expect(attempts).toBe(0);
  });

  test('404 for a model that is not there', async () => {
    const failure = await failureOf(sdk(), { model: 'nowhere' });
    expect(failure).toBeInstanceOf(NotFoundError);
    expect(failure).toMatchObject({ code: 'model_not_found' });
  });

  test('429 with Retry-After, after the retries that the SDK makes', async () => {
    sealed.upstream.behave(json({ error: { message: 'slow down' } }, 429, { ...AT_ONCE, 'retry-after': '1' }));
    const attempts = await attemptsOf(async () => {
      const failure = await failureOf(sdk());
      expect(failure).toBeInstanceOf(RateLimitError);
      expect(failure).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
      expect((failure as RateLimitError).headers.get('retry-after')).toBe('1');
      expect((failure as RateLimitError).headers.get('retry-after-ms')).toBe('1');
    });
    expect(attempts).toBe(3);
  });

  test('5xx without the words of the model server, and a success where a retry helps', async () => {
    sealed.upstream.behave(json({ error: { message: 'out of memory on host gpu-7' } }, 500));
    const failure = await failureOf(sdk().withOptions({ maxRetries: 0 }));
    expect(failure).toBeInstanceOf(InternalServerError);
    expect(String(failure)).not.toContain('gpu-7');

    let left = 2;
    sealed.upstream.behave((request, response) =>
      (left-- > 0 ? json({}, 503, AT_ONCE) : wellBehaved(['m']))(request, response),
    );
    expect(await attemptsOf(() => sdk().chat.completions.create(QUESTION))).toBe(3);
  });
});

describe('what each way of failing costs', () => {
  let box: Server;
  let boxUrl: string;
  /** What the box between client and router does; counts what it was asked. */
  let answer: 'in clear' | 'cut' | 'busy' = 'in clear';
  let asked = 0;

  beforeAll(async () => {
    box = createServer((message, response) => {
      if (message.method === 'GET') {
        // The keys are the router's own, as a box that terminates TLS would pass them on.
        void fetch(sealed.url + (message.url ?? '/')).then(async (keys) => {
          response.writeHead(keys.status, { 'content-type': keys.headers.get('content-type') ?? '' });
          response.end(new Uint8Array(await keys.arrayBuffer()));
        });
        return;
      }
      asked++;
      message.resume();
      if (answer === 'cut') response.destroy();
      else if (answer === 'busy') response.writeHead(503, AT_ONCE).end();
      else
        response
          .writeHead(200, { 'content-type': 'application/json' })
          .end('{"choices":[{"message":{"content":"ha"}}]}');
    });
    await new Promise<void>((resolve) => box.listen(0, '127.0.0.1', resolve));
    boxUrl = `http://127.0.0.1:${(box.address() as AddressInfo).port}`;
  });
  afterEach(() => {
    asked = 0;
  });
  afterAll(() => {
    box.closeAllConnections();
    box.close();
  });

  test('a security error as the adapters give it is a 403 that keeps its code: one attempt', async () => {
    answer = 'in clear';
    const failure = await failureOf(sdk({ url: boxUrl }));
    expect(failure).toBeInstanceOf(PermissionDeniedError);
    expect(failure).toMatchObject({ status: 403, code: 'response_not_sealed', type: 'security_error' });
    expect(asked).toBe(1);
  });

  test('a security error that is thrown is a broken connection to the SDK: three attempts, and the cause is kept', async () => {
    answer = 'in clear';
    const failure = await failureOf(sdk({ url: boxUrl, onSecurityError: 'throw' }));
    expect(failure).toBeInstanceOf(APIConnectionError);
    const { cause } = failure as APIConnectionError;
    expect(SecurityError.isInstance(cause) && cause.code).toBe('response_not_sealed');
    expect(asked).toBe(3);
  });

  test('a connection that breaks is a broken connection: three attempts', async () => {
    answer = 'cut';
    expect(await failureOf(sdk({ url: boxUrl }))).toBeInstanceOf(APIConnectionError);
    expect(asked).toBe(3);
  });

  test('a busy box in front of the router is tried again, and its status kept', async () => {
    answer = 'busy';
    const failure = await failureOf(sdk({ url: boxUrl }));
    expect(failure).toMatchObject({ status: 503, code: 'response_not_sealed' });
    expect(asked).toBe(3);
  });

  test('another identity than the pinned one: nothing is sent', async () => {
    const attempts = await attemptsOf(async () => {
      const failure = await failureOf(sdk({ pin: '0'.repeat(64) }));
      expect(failure).toMatchObject({ status: 403, code: 'untrusted_signer' });
    });
    expect(attempts).toBe(0);
    const pinned = sdk({ pin: sealed.router.signerFingerprint });
    expect((await pinned.chat.completions.create(QUESTION)).choices).toHaveLength(1);
  });
});
