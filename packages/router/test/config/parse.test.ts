import { ConfigurationError } from '@sotto/protocol';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../src/config/parse.ts';

const UPSTREAM = { name: 'a', baseUrl: 'http://127.0.0.1:8000/v1' };
const GOOD = { auth: 'open', upstreams: [UPSTREAM] };

function refusal(input: unknown): string {
  try {
    parseConfig(input);
  } catch (error) {
    if (!ConfigurationError.isInstance(error)) throw error;
    expect(error.code).toBe('invalid_config');
    return error.message;
  }
  throw new Error('the configuration was taken');
}

const withUpstream = (more: object) => ({ ...GOOD, upstreams: [{ ...UPSTREAM, ...more }] });
const withKey = (key: object) => ({ upstreams: [UPSTREAM], keys: [{ name: 'one', key: 'sotto_good-key', ...key }] });

const CHATBOT = { id: 'a', name: 'A', model: 'm' };

describe('a configuration', () => {
  test('needs an upstream and a word about keys, and has defaults for the rest', () => {
    expect(parseConfig(GOOD)).toMatchObject({
      listen: '127.0.0.1:12434',
      storage: 'memory:',
      shutdownGraceSeconds: 30,
      limits: { bodyBytes: 33_554_432, replayWindowSeconds: 300 },
      nomyoV1: { queue: 512, keepAliveSeconds: 20 },
      upstreams: [{ type: 'openai', tier: 'standard', weight: 1, sameTee: false, timeoutMs: 600_000 }],
    });
  });

  test.each([
    ['nothing at all', null, '(top level)'],
    ['a list', [], '(top level)'],
    ['no upstreams', { auth: 'open' }, 'upstreams'],
    ['an empty list of upstreams', { ...GOOD, upstreams: [] }, 'upstreams'],
    ['an upstream that is a string', { ...GOOD, upstreams: ['x'] }, 'upstreams.0'],
    ['an upstream without a name', { ...GOOD, upstreams: [{ baseUrl: UPSTREAM.baseUrl }] }, 'upstreams.0.name'],
    ['an upstream without an address', { ...GOOD, upstreams: [{ name: 'a' }] }, 'upstreams.0.baseUrl'],
    ['an upstream of an unknown type', withUpstream({ type: 'magic' }), 'upstreams.0'],
    ['an unknown key of an upstream', withUpstream({ basurl: 'x' }), 'basurl'],
    ['a name with a slash', withUpstream({ name: 'a/b' }), 'upstreams.0.name'],
    ['an address of another scheme', withUpstream({ baseUrl: 'ftp://x' }), 'upstreams.0.baseUrl'],
    ['an address that is none', withUpstream({ baseUrl: 'http://127.0.0.1:99999/v1' }), 'upstreams.0.baseUrl'],
    ['an address without a host', withUpstream({ baseUrl: 'https://:1' }), 'upstreams.0.baseUrl'],
    ['an address with a password', withUpstream({ baseUrl: 'http://me:secret@127.0.0.1/v1' }), 'upstreams.0.baseUrl'],
    ['an address with a query', withUpstream({ baseUrl: 'http://127.0.0.1/v1?key=x' }), 'upstreams.0.baseUrl'],
    ['an unknown tier', withUpstream({ tier: 'ultra' }), 'upstreams.0.tier'],
    [
      'tier maximum over the network',
      withUpstream({ baseUrl: 'https://gpu.example/v1', tier: 'maximum' }),
      'upstreams.0.tier',
    ],
    ['tier maximum on loopback without sameTee', withUpstream({ tier: 'maximum' }), 'upstreams.0.tier'],
    [
      'sameTee over the network',
      withUpstream({ baseUrl: 'https://gpu.example/v1', sameTee: true }),
      'upstreams.0.sameTee',
    ],
    [
      'tier high over plain HTTP',
      withUpstream({ baseUrl: 'http://gpu.example/v1', tier: 'high' }),
      'upstreams.0.baseUrl',
    ],
    [
      'tier high at an address that only looks near',
      withUpstream({ baseUrl: 'http://127.0.0.1.evil.example/v1', tier: 'high' }),
      'upstreams.0.baseUrl',
    ],
    [
      'tier high at the wildcard address',
      withUpstream({ baseUrl: 'http://0.0.0.0:1/v1', tier: 'high' }),
      'upstreams.0.baseUrl',
    ],
    ['a weight of nothing', withUpstream({ weight: 0 }), 'upstreams.0.weight'],
    ['a timeout in words', withUpstream({ timeoutMs: '5s' }), 'upstreams.0.timeoutMs'],
    ['an empty list of models', withUpstream({ models: [] }), 'upstreams.0.models'],
    ['two upstreams of one name', { ...GOOD, upstreams: [UPSTREAM, UPSTREAM] }, 'upstreams.1.name'],
    ['no API key', { upstreams: [UPSTREAM] }, 'keys'],
    ['API keys that nobody asks for', { ...withKey({}), auth: 'open' }, 'auth'],
    [
      'two keys of one name',
      { ...GOOD, auth: 'keys', keys: [1, 2].map((n) => ({ name: 'k', key: `sotto_key-${n}` })) },
      'keys.1.name',
    ],
    ['a key from nowhere', { upstreams: [UPSTREAM], keys: [{ name: 'one' }] }, 'keys.0'],
    ['a key from two places', withKey({ keyEnv: 'X' }), 'keys.0'],
    ['a key too short', withKey({ key: 'short' }), 'keys.0.key'],
    ['a limit of nothing', withKey({ limits: { requestsPerMinute: 0 } }), 'keys.0.limits.requestsPerMinute'],
    ['a misspelt limit', withKey({ limits: { requestPerMinute: 5 } }), 'requestPerMinute'],
    ['an unknown tier of a key', withKey({ tiers: ['low'] }), 'keys.0.tiers.0'],
    ['an unknown key', { ...GOOD, lisen: 'x' }, 'lisen'],
    ['an unknown protocol', { ...GOOD, protocols: ['gopher'] }, 'protocols.0'],
    ['no protocol', { ...GOOD, protocols: [] }, 'protocols'],
    ['another storage', { ...GOOD, storage: 'floppy:' }, 'storage'],
    ['half a certificate', { ...GOOD, tls: { certFile: 'x' } }, 'tls.keyFile'],
    ['a public URL that is none', { ...GOOD, publicUrl: 'router' }, 'publicUrl'],
    ['an alias of nothing', { ...GOOD, aliases: { a: [] } }, 'aliases.a'],
    ['a body limit of a byte', { ...GOOD, limits: { bodyBytes: 1 } }, 'limits.bodyBytes'],
    ['a listen address without a port', { ...GOOD, listen: 'localhost' }, 'listen'],
    ['a port beyond the last', { ...GOOD, listen: '127.0.0.1:65536' }, 'listen'],
    ['a bare IPv6 address', { ...GOOD, listen: '::1:80' }, 'listen'],
    ['a relative socket', { ...GOOD, listen: 'unix:router.sock' }, 'listen'],
  ])('with %s is refused, and the mistake is named', (_what, input, key) => {
    const message = refusal(input);
    expect(message).toContain(key);
    expect(message).not.toContain('secret');
  });

  test.each([
    ['redis', { ...GOOD, redis: 'http://x' }],
    ['chatbots', { ...GOOD, chatbots: [{ id: 'a', name: 'A' }] }],
    ['chatbots.1.id', { ...GOOD, chatbots: [CHATBOT, CHATBOT] }],
    ['tokensPerMinute', withKey({ limits: { tokensPerMinute: 0 } })],
    ['budget', withKey({ budget: 5 })],
    ['budget.usd', withKey({ budget: { usd: 0.0000001 } })],
    ['expiresAt', withKey({ expiresAt: 'tomorrow' })],
    ['storageKey', { ...GOOD, storage: 'sqlite:a.db' }],
    ['storage', { ...GOOD, storage: 'postgres://x' }],
    ['metrics', { ...GOOD, metrics: 'admin' }],
    ['admin', { ...GOOD, admin: {} }],
    ['keyPrefix', { ...GOOD, keyPrefix: 'a b_' }],
    [
      'models.m.price.inputPerMillion',
      { ...GOOD, models: { m: { price: { inputPerMillion: -1, outputPerMillion: 1 } } } },
    ],
  ])('with a wrong %s is refused, and the mistake is named', (key, input) => {
    expect(refusal(input)).toContain(key);
  });

  test('has all its mistakes named at once', () => {
    const message = refusal({ ...withUpstream({ tier: 'x', weight: -1 }), lisen: 1 });
    for (const key of ['upstreams.0.tier', 'upstreams.0.weight', 'lisen']) expect(message).toContain(key);
  });

  test('never has the value of a key in an error', () => {
    expect(refusal(withKey({ key: 'sotto_s3cret', keyEnv: 'X' }))).not.toContain('sotto_s3cret');
    expect(refusal(withKey({ key: 's3cret' }))).not.toContain('s3cret');
  });

  test.each(['127.0.0.1:0', '[::1]:8080', 'localhost:80', 'unix:/run/sotto.sock', '0.0.0.0:443'])(
    'may listen at %s',
    (listen) => {
      expect(parseConfig({ ...GOOD, listen }).listen).toBe(listen);
    },
  );

  test.each([
    'http://127.9.9.9:1/v1',
    'http://localhost/v1',
    'http://[::1]:1/',
    'unix:/run/x.sock',
    'unix:/run/x.sock:/api',
  ])('may have an upstream of tier maximum in the same TEE at %s', (baseUrl) => {
    expect(parseConfig(withUpstream({ baseUrl, tier: 'maximum', sameTee: true })).upstreams).toHaveLength(1);
  });
});
