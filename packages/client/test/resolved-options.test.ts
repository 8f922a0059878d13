import { describe, expect, test } from 'vitest';
import type { ClientOptions } from '../src/client-options.ts';
import { resolveOptions } from '../src/resolved-options.ts';
import { webPlatform } from '../src/web-platform.ts';
import { testPlatform } from './test-platform.ts';

function resolved(options: ClientOptions = {}, environment: Record<string, string> = {}) {
  return resolveOptions({ platform: testPlatform(environment), ...options });
}

function refusalOf(options: ClientOptions): unknown {
  try {
    return resolved(options);
  } catch (error) {
    return error;
  }
}

describe('defaults', () => {
  test('are those of NOMYO and of the openai SDK', () => {
    const options = resolved();
    expect(options.router.at('/x')).toBe('https://api.nomyo.ai/x');
    expect(options).toMatchObject({
      apiKey: null,
      allowHttp: false,
      secureMemory: true,
      keyDir: null,
      maxRetries: 2,
      timeoutMs: 600_000,
      pinnedKeys: null,
      requestBinding: 'auto',
    });
  });

  test('come from the environment where it names them, and options hold over it', () => {
    const environment = {
      SOTTO_BASE_URL: 'https://env.test',
      SOTTO_API_KEY: 'env-key',
      SOTTO_KEY_PASSWORD: 'env-password',
      SOTTO_LOG: 'debug',
    };
    expect(resolved({}, environment)).toMatchObject({ apiKey: 'env-key', keyPassword: 'env-password' });
    expect(resolved({}, environment).router.base).toBe('https://env.test');
    expect(resolved({ baseUrl: 'https://option.test' }, environment).router.base).toBe('https://option.test');
    expect(resolved({ apiKey: null, keyPassword: null }, environment)).toMatchObject({
      apiKey: null,
      keyPassword: null,
    });
  });
});

describe('what is refused', () => {
  const invalid: readonly (readonly [string, ClientOptions])[] = [
    ['two addresses', { baseURL: 'https://a.test', baseUrl: 'https://b.test' }],
    ['an address that is no URL', { baseURL: 'router' }],
    ['an address of another scheme', { baseURL: 'ftp://router.test' }],
    ['credentials in the address', { baseURL: 'https://user:secret@router.test' }],
    ['a query in the address', { baseURL: 'https://router.test?key=secret' }],
    ['an API key with a line break', { apiKey: 'a\r\nb' }],
    ['an empty API key', { apiKey: '' }],
    ['a fraction of a retry', { maxRetries: 0.5 }],
    ['a negative count of retries', { maxRetries: -1 }],
    ['an empty list of pins', { pinnedKeys: [] }],
    ['a pin of another length', { pinnedKeys: ['abcd'] }],
    ['an unknown binding', { requestBinding: 'sometimes' as 'auto' }],
    ['a negative age', { serverKeyMaxAgeMs: -1 }],
    ['an unknown log level', { logLevel: 'loud' as 'debug' }],
    ['a header field that the client writes', { defaultHeaders: { 'X-Public-Key': 'x' } }],
    ['a header field with a line break', { defaultHeaders: { 'x-note': 'a\nb' } }],
    ['a header field whose name is none', { defaultHeaders: { 'x note': 'a' } }],
  ];
  test.each(invalid)('%s', (_, options) => {
    const error = refusalOf(options);
    expect(error).toMatchObject({ name: 'ConfigurationError', code: 'invalid_option' });
    expect(String(error)).not.toContain('secret');
  });

  test('plain http, unless it is allowed', () => {
    expect(() => resolved({ baseURL: 'http://127.0.0.1:1' })).toThrow(
      expect.objectContaining({ name: 'SecurityError', code: 'insecure_transport' }),
    );
    expect(resolved({ baseURL: 'http://127.0.0.1:1', allowHttp: true }).router.base).toBe('http://127.0.0.1:1');
  });

  test('a key directory where there are no files', () => {
    expect(() => resolveOptions({ platform: webPlatform, keyDir: 'keys' })).toThrow(
      expect.objectContaining({ code: 'unsupported_runtime' }),
    );
  });
});

test.each([
  ['https://router.test', 'https://router.test'],
  ['https://router.test/', 'https://router.test'],
  ['https://router.test/v1', 'https://router.test'],
  ['https://router.test/v1/', 'https://router.test'],
  ['https://ROUTER.test:443/under/a/path//', 'https://router.test/under/a/path'],
])('the address %s reads as %s', (baseURL, base) => {
  expect(resolved({ baseURL }).router.base).toBe(base);
});

test('a later header field takes the place of an earlier one in any case of letters', () => {
  expect(resolved({ defaultHeaders: { 'X-Note': 'a', 'x-note': 'b' } }).defaultHeaders).toEqual({ 'x-note': 'b' });
});
