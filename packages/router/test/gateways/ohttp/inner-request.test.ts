import type { Field, RequestHead } from '@sotto/protocol/bhttp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { innerRequest } from '../../../src/gateways/ohttp/inner-request.ts';
import { createRouter, type Router } from '../../../src/index.ts';
import { type RawRequest, rawRequest, varint } from './raw-message.ts';
import {
  askPieces,
  chatInput,
  codeOf,
  innerMessage,
  open,
  openWhole,
  outerRequest,
  outerWholeRequest,
  recipientOf,
  sealPieces,
  sealWhole,
} from './sealing-client.ts';

let router: Router;

beforeAll(async () => {
  // Nobody listens at the discard port: a request that got through would be a 503.
  router = await createRouter({
    auth: 'open',
    protocols: ['ohttp'],
    upstreams: [{ name: 'u', baseUrl: 'http://127.0.0.1:9/v1', models: ['m'] }],
    limits: { bodyBytes: 1_048_576 },
  });
});
afterAll(() => router.close());

const DATE = ['date', new Date().toUTCString()] as const;

async function outcome(...pieces: readonly Uint8Array[]): Promise<readonly [status: number, code: unknown]> {
  const answer = await askPieces(router.fetch, ...pieces);
  return [answer.status, codeOf(answer)];
}
const raw = (request: RawRequest): Uint8Array => rawRequest({ ...request, fields: [DATE, ...(request.fields ?? [])] });

describe('an encapsulated request that is none to the router itself is refused inside:', () => {
  test.each<[string, RawRequest]>([
    ['absolute form', { path: 'http://evil.test/v1/models' }],
    ['absolute form with its scheme in capitals', { path: 'HTTPS://evil.test/v1/models' }],
    ['an authority in the path', { path: '//evil.test/v1/models' }],
    ['a second slash', { path: '/v1//models' }],
    ['user information', { path: '/@evil.test/v1/models' }],
    ['user information in the authority', { authority: 'user:secret@router.test' }],
    ['an authority that is two', { authority: 'router.test,evil.test' }],
    ['an asterisk', { method: 'OPTIONS', path: '*' }],
    ['a path without a slash', { path: 'v1/models' }],
    ['no path', { path: '' }],
    ['a backslash', { path: '/\\evil.test' }],
    ['a dot segment', { path: '/v1/../admin' }],
    ['a dot segment, encoded', { path: '/v1/%2e%2E/admin' }],
    ['a single dot', { path: '/./v1/models' }],
    ['a fragment', { path: '/v1/models#x' }],
    ['a space', { path: '/v1/models HTTP/1.1' }],
    ['a line break', { path: '/v1/models\r\nx: y' }],
    ['a NUL', { path: '/v1/models\0' }],
    ['a broken percent-encoding', { path: '/v1/models/%2' }],
    ['letters beyond ASCII', { path: '/v1/mod\xe9ls' }],
    ['CONNECT', { method: 'CONNECT', scheme: '', authority: 'evil.test:443', path: '' }],
    ['CONNECT with a path', { method: 'CONNECT', path: '/v1/models' }],
    ['TRACE', { method: 'TRACE' }],
    ['a method with a line break', { method: 'GET\r\nX: y' }],
    ['no method', { method: '' }],
    ['the gateway', { path: '/.well-known/ohttp-gateway' }],
    ['the gateway and a query', { path: '/.well-known/ohttp-gateway?x' }],
    ['the gateway by its alias', { path: '/ohttp' }],
    ['an upgrade', { fields: [['upgrade', 'websocket']] }],
    ['a connection field', { fields: [['connection', 'close, authorization']] }],
    ['a transfer coding', { fields: [['transfer-encoding', 'chunked']] }],
    ['te', { fields: [['te', 'trailers']] }],
    ['trailer', { fields: [['trailer', 'x-api-key']] }],
    ['HTTP/2 settings', { fields: [['http2-settings', 'AAMAAABk']] }],
    ['an expectation', { fields: [['expect', '100-continue']] }],
    ['a pseudo-field', { fields: [[':authority', 'evil.test']] }],
    ['a pseudo-field in front', { fields: [[':path', '/admin']] }],
    ['a field value with a line break', { fields: [['user-agent', 'a\r\nx-api-key: b']] }],
    ['a field value with a NUL', { fields: [['user-agent', 'a\0b']] }],
    ['a field value with space around it', { fields: [['user-agent', ' a ']] }],
    ['a field name with a space', { fields: [['user agent', 'a']] }],
    ['a field name with a colon', { fields: [['user-agent:', 'a']] }],
    ['a field without a name', { fields: [['', 'a']] }],
    [
      'two lengths',
      {
        fields: [
          ['content-length', '0'],
          ['content-length', '0'],
        ],
      },
    ],
    ['a list of lengths', { fields: [['content-length', '0, 0']] }],
    ['a length that is no number', { fields: [['content-length', '0x0']] }],
    ['a negative length', { fields: [['content-length', '-1']] }],
    ['a length that is too small', { fields: [['content-length', '3']], content: 'four' }],
    ['a length that is too large', { fields: [['content-length', '5']], content: 'four' }],
    ['two dates', { fields: [DATE] }],
    [
      'two keys',
      {
        fields: [
          ['authorization', 'Bearer a'],
          ['authorization', 'Bearer b'],
        ],
      },
    ],
    [
      'two keys, one in capitals',
      {
        fields: [
          ['x-api-key', 'a'],
          ['X-API-KEY', 'b'],
        ],
      },
    ],
    [
      'two tiers',
      {
        fields: [
          ['x-security-tier', 'maximum'],
          ['x-security-tier', 'standard'],
        ],
      },
    ],
    [
      'two media types',
      {
        fields: [
          ['content-type', 'application/json'],
          ['content-type', 'text/plain'],
        ],
      },
    ],
  ])('%s', async (_what, request) => {
    expect(await outcome(raw(request))).toEqual([400, 'invalid_message']);
  });

  test.each(['/ohttp/', '/%6fhttp', '/.well-known/ohttp%2dgateway', '/.well-known/ohttp-gateway/'])(
    'the gateway as %s, which leads nowhere',
    async (path) => {
      const [status, code] = await outcome(raw({ path }));
      expect([400, 404]).toContain(status);
      expect(['invalid_message', 'not_found']).toContain(code);
    },
  );

  test('the same of a whole message', async () => {
    const recipient = await recipientOf(router.fetch);
    for (const message of [raw({ path: '//evil.test' }), Uint8Array.of(4), Buffer.from('no message')]) {
      const sealed = await sealWhole(recipient, message);
      const answer = await router.fetch(outerWholeRequest(sealed.body));
      expect(answer.status).toBe(200);
      const inner = await openWhole(sealed, answer);
      expect([inner.status, codeOf(inner)]).toEqual([400, 'invalid_message']);
    }
  });

  test('10,000 fields, and a field of 100,000 bytes', async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => [`x-${index}`, 'y'] as const);
    expect(await outcome(raw({ fields: many }))).toEqual([431, 'headers_too_large']);
    expect(await outcome(raw({ fields: [['user-agent', 'y'.repeat(100_000)]] }))).toEqual([431, 'headers_too_large']);
  });

  test('a response, a framing nobody knows, and no message at all', async () => {
    expect(await outcome(Uint8Array.of(1, 0x40, 200, 0, 0, 0))).toEqual([400, 'invalid_message']);
    expect(await outcome(Uint8Array.of(4))).toEqual([400, 'invalid_message']);
    expect(await outcome(Buffer.from('{"model":"m"}'))).toEqual([400, 'invalid_message']);
    expect(await outcome()).toEqual([400, 'request_truncated']);
  });

  test('a message that goes on after its end, and one whose padding is not zero', async () => {
    expect(await outcome(Buffer.concat([raw({}), Buffer.from([0, 0, 1])]))).toEqual([400, 'invalid_message']);
    expect(await outcome(raw({}), Buffer.alloc(100), Buffer.from('x'))).toEqual([400, 'invalid_message']);
  });

  test('a message that ends early, wherever it does', async () => {
    const message = raw({ fields: [['content-type', 'application/json']], content: '{}' });
    // Up to the end of the control data nothing may be missing, and from the content on neither (RFC 9292 §3.8).
    const recipient = await recipientOf(router.fetch);
    for (let length = 1; length < message.length - 1; length++) {
      const sealed = await sealPieces(recipient, [message.subarray(0, length)]);
      const inner = await open(sealed, await router.fetch(outerRequest(sealed.body)));
      expect(inner.status, `${length} bytes`).toBe(400);
      // What ends after its control data is a message, and has no date.
      expect(['request_truncated', 'replayed_request', 'invalid_request', 'invalid_json'], `${length} bytes`).toContain(
        codeOf(inner),
      );
    }
  });

  test('more content than a body may have, whatever its framing', async () => {
    const long = { ...chatInput(), body: 'x'.repeat(1_048_577) };
    const answer = await askPieces(router.fetch, ...slices(innerMessage(long), 16_384));
    expect([answer.status, codeOf(answer)]).toEqual([413, 'payload_too_large']);
    const announced = Buffer.concat([rawRequest({ fields: [DATE] }).subarray(0, -2), varint(2 ** 40)]);
    expect(await outcome(announced)).toEqual([413, 'payload_too_large']);
  });

  test('content in more pieces, and a message in more chunks, than anybody has a use for', async () => {
    const head = innerMessage({ ...chatInput(), body: '' }).subarray(0, -2);
    const specks = Buffer.alloc(2 * 20_000, Buffer.from([1, 0x20]));
    const end = Buffer.from([0, 0]);
    expect(await outcome(head, ...slices(Buffer.concat([specks, end]), 16_384))).toEqual([400, 'invalid_message']);
    const padding = Array.from({ length: 20_000 }, () => Uint8Array.of(0));
    expect(await outcome(innerMessage(chatInput()), ...padding)).toEqual([400, 'invalid_message']);
  });
});

function slices(bytes: Uint8Array, size: number): Uint8Array[] {
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );
}

describe('of header fields the routes get', () => {
  const headersOf = (headers: readonly Field[]) => innerRequest({ ...HEAD, headers }, []).request.headers;
  const HEAD: RequestHead = {
    method: 'POST',
    scheme: 'https',
    authority: 'router.test',
    path: '/v1/models?a=b',
    headers: [],
  };

  test.each([
    'accept',
    'accept-language',
    'authorization',
    'content-type',
    'date',
    'idempotency-key',
    'openai-organization',
    'user-agent',
    'x-api-key',
    'x-request-id',
    'x-security-tier',
    'x-stainless-runtime-version',
  ])('%s', (name) => {
    expect(headersOf([[name, 'value']])).toEqual({ [name]: 'value' });
  });

  test.each([
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-real-ip',
    'forwarded',
    'via',
    'cookie',
    'set-cookie',
    'host',
    'origin',
    'proxy-authorization',
    'accept-encoding',
    'content-length',
    'content-encoding',
    'access-control-request-method',
    'ehbp-encapsulated-key',
    'x-public-key',
    'x-payload-id',
    'x-sotto-tier',
    'x-http-method-override',
    'x-original-url',
    'x-stainless-',
    'openai-',
    '__proto__',
    'constructor',
    'authorization2',
    'x-authorization',
  ])('no %s', (name) => {
    expect(Object.keys(headersOf([[name, '0']]))).toEqual([]);
  });

  test('path and query apart, the mark of being sealed, and the body up to its limit', async () => {
    const { request, dateMs } = innerRequest({ ...HEAD, headers: [['date', 'Fri, 15 Jan 2027 08:00:00 GMT']] }, [
      Buffer.from('{"a"'),
      Buffer.from(':1}'),
    ]);
    expect(request).toMatchObject({
      method: 'POST',
      path: '/v1/models',
      query: 'a=b',
      sealedBy: 'ohttp',
      sealedTier: null,
    });
    expect(Buffer.from(await request.body(7)).toString()).toBe('{"a":1}');
    await expect(request.body(6)).rejects.toMatchObject({ code: 'payload_too_large' });
    expect(dateMs).toBe(1_800_000_000_000);
  });

  test.each(['', 'yesterday', 'NaN', '9'.repeat(400), '{}'])('no date of %j', (value) => {
    expect(innerRequest({ ...HEAD, headers: [['date', value]] }, []).dateMs).toBeNull();
  });
});
