import { describe, expect, test } from 'vitest';
import type { Field, RequestHead } from '../../src/bhttp/index.ts';
import { checkInnerRequest } from '../../src/ohttp/index.ts';
import { errorCode } from '../error-code.ts';

const head = (changes: Partial<RequestHead>): RequestHead => ({
  method: 'POST',
  scheme: 'https',
  authority: 'router.example',
  path: '/v1/chat/completions',
  headers: [],
  ...changes,
});
const withHeaders = (...headers: Field[]) => head({ headers });

test('an ordinary request is taken apart', () => {
  expect(
    checkInnerRequest(head({ path: '/v1/models/org/name:7b?limit=1&q=a%20b', headers: [['content-length', '12']] })),
  ).toEqual({
    method: 'POST',
    path: '/v1/models/org/name:7b',
    query: '?limit=1&q=a%20b',
    contentLength: 12,
  });
});

test.each(['', 'router.example:8443', '[::1]:8080', 'LOCALHOST'])(
  'the authority %j is a host and a port',
  (authority) => {
    expect(checkInnerRequest(head({ authority })).contentLength).toBeNull();
  },
);

describe('refuses', () => {
  test.each([
    ['CONNECT', head({ method: 'CONNECT', scheme: '', path: '', authority: 'a:443' })],
    ['TRACE', head({ method: 'TRACE' })],
    ['an absolute-form target', head({ path: 'https://evil.example/' })],
    ['a target with two slashes', head({ path: '//evil.example/v1' })],
    ['two slashes further on', head({ path: '/v1//models' })],
    ['a backslash', head({ path: '/\\evil.example' })],
    ['user information in the path', head({ path: '/@evil.example' })],
    ['user information in the authority', head({ authority: 'user@evil.example' })],
    ['a path in the authority', head({ authority: 'evil.example/x' })],
    ['a relative path', head({ path: 'v1/models' })],
    ['the asterisk form', head({ method: 'OPTIONS', path: '*' })],
    ['a fragment', head({ path: '/v1/models#x' })],
    ['a dot segment', head({ path: '/v1/../admin' })],
    ['an encoded dot segment', head({ path: '/v1/%2E%2e/admin' })],
    ['half a percent escape', head({ path: '/v1/%2' })],
    ['a question mark within an escape of the query', head({ path: '/v1?%zz' })],
    ['another scheme', head({ scheme: 'file' })],
    ['an upgrade', withHeaders(['upgrade', 'websocket'])],
    ['a field for connections', withHeaders(['connection', 'close'])],
    ['a transfer coding', withHeaders(['transfer-encoding', 'chunked'])],
    ['an expectation', withHeaders(['expect', '100-continue'])],
    ['a pseudo-field', withHeaders([':protocol', 'websocket'])],
    ['two lengths that differ', withHeaders(['content-length', '1'], ['content-length', '2'])],
    ['two lengths that agree', withHeaders(['content-length', '1'], ['content-length', '1'])],
    ['a list of lengths', withHeaders(['content-length', '1, 1'])],
    ['a negative length', withHeaders(['content-length', '-1'])],
  ])('%s', (_what, request) => {
    expect(errorCode(() => checkInnerRequest(request))).toBe('invalid_message');
  });
});
