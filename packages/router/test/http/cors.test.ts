import { OHTTP_GATEWAY_PATH } from '@sotto/protocol/ohttp';
import { describe, expect, test } from 'vitest';
import type { Router, RouterConfigInput } from '../../src/index.ts';
import { testRouter } from '../running-router.ts';

const PAGE = 'https://app.example';
const KEYS = [{ name: 'one', key: 'sotto_right-key', limits: { requestsPerMinute: 100 } }];
const UPSTREAMS: RouterConfigInput['upstreams'] = [{ name: 'u', baseUrl: 'http://127.0.0.1:9/v1', models: ['m'] }];

const start = (more: Partial<RouterConfigInput>): Promise<Router> =>
  testRouter({ protocols: ['ohttp', 'ehbp', 'clear'], upstreams: UPSTREAMS, ...more });

function get(router: Router, path: string, headers: Record<string, string> = {}): Promise<Response> {
  return router.fetch(new Request(`http://router.test${path}`, { headers }));
}

function preflight(router: Router, origin: string, path = '/v1/chat/completions'): Promise<Response> {
  const headers = {
    origin,
    'access-control-request-method': 'POST',
    'access-control-request-headers': 'authorization,content-type,x-stainless-os',
  };
  return router.fetch(new Request(`http://router.test${path}`, { method: 'OPTIONS', headers }));
}

/** What of an answer is about pages of other origins. */
function corsOf({ headers }: Response): Record<string, string> {
  const about = [...headers].filter(([name]) => name.startsWith('access-control-') || name === 'vary');
  return Object.fromEntries(about.filter(([name]) => name !== 'access-control-expose-headers'));
}

describe('a router with API keys', () => {
  test('answers the preflight of any page, without a key', async () => {
    const router = await start({ keys: KEYS });
    for (const path of ['/v1/chat/completions', OHTTP_GATEWAY_PATH, '/ohttp', '/pki/keys', '/v1/nothing']) {
      const answer = await preflight(router, PAGE, path);
      expect(answer.status, path).toBe(204);
      expect(corsOf(answer)).toEqual({
        'access-control-allow-origin': '*',
        'access-control-allow-methods': 'GET, POST, DELETE',
        'access-control-allow-headers': 'authorization,content-type,x-stainless-os',
        'access-control-max-age': '86400',
      });
    }
  });

  test('marks good answers and errors alike, for pages and for whatever caches them', async () => {
    const router = await start({ keys: KEYS });
    const authorized = { authorization: 'Bearer sotto_right-key' };
    for (const headers of [{ ...authorized, origin: PAGE }, { ...authorized, origin: 'null' }, authorized]) {
      expect(corsOf(await get(router, '/v1/models', headers))).toEqual({ 'access-control-allow-origin': '*' });
    }
    const refused = await get(router, '/v1/models', { origin: PAGE });
    expect([refused.status, corsOf(refused)]).toEqual([401, { 'access-control-allow-origin': '*' }]);
    expect(corsOf(await get(router, '/nothing', { origin: PAGE }))).toEqual({ 'access-control-allow-origin': '*' });
  });

  test('lets pages read every header field that it sends for them', async () => {
    const router = await start({ keys: KEYS });
    const answer = await get(router, '/v1/models', { origin: PAGE, authorization: 'Bearer sotto_right-key' });
    const exposed = (answer.headers.get('access-control-expose-headers') ?? '').split(', ');
    const ours = [...answer.headers.keys()].filter((name) => name.startsWith('x-'));
    expect(ours).toContain('x-ratelimit-remaining-requests');
    expect(exposed).toEqual(expect.arrayContaining(ours));
    expect(exposed).toEqual(
      expect.arrayContaining(['ehbp-response-nonce', 'retry-after', 'x-request-id', 'x-sotto-tier']),
    );
  });

  test('answers OPTIONS that is no preflight as any other request', async () => {
    const router = await start({ keys: KEYS });
    const options = (headers: Record<string, string>): Promise<Response> =>
      router.fetch(new Request('http://router.test/v1/models', { method: 'OPTIONS', headers }));
    expect((await options({ origin: PAGE })).status).toBe(405);
    expect((await options({ 'access-control-request-method': 'POST' })).status).toBe(405);
  });
});

describe('a router with listed origins', () => {
  test('answers their preflights, and marks their answers', async () => {
    const router = await start({ keys: KEYS, cors: { origins: ['https://other.example', PAGE] } });
    const answer = await preflight(router, PAGE);
    expect(answer.status).toBe(204);
    expect(corsOf(answer)).toMatchObject({ 'access-control-allow-origin': PAGE, vary: 'origin' });
    expect(corsOf(await get(router, '/pki/keys', { origin: PAGE }))).toEqual({
      'access-control-allow-origin': PAGE,
      vary: 'origin',
    });
  });

  test.each([
    'https://evil.example',
    'https://app.example.evil.example',
    'https://app.example:8443',
    'http://app.example',
    'https://APP.example',
    'https://app.example/',
    'null',
    '*',
    '',
  ])('tells the page %j nothing, and caches that it depends on the page', async (origin) => {
    const router = await start({ keys: KEYS, cors: { origins: [PAGE] } });
    const answer = await get(router, '/pki/keys', { origin });
    expect([answer.status, corsOf(answer)]).toEqual([200, { vary: 'origin' }]);
    const refused = await preflight(router, origin);
    expect([refused.status, corsOf(refused)]).toEqual([405, { vary: 'origin' }]);
  });

  test('tells caches that an answer depends on the page, though no page asked', async () => {
    const router = await start({ keys: KEYS, cors: { origins: [PAGE] } });
    expect(corsOf(await get(router, OHTTP_GATEWAY_PATH))).toEqual({ vary: 'origin' });
  });
});

describe('a router that is open to everybody', () => {
  test('is not open to every page in the browser of somebody near it', async () => {
    const router = await start({});
    expect(corsOf(await get(router, '/v1/models', { origin: PAGE }))).toEqual({});
    const answer = await preflight(router, PAGE);
    expect([answer.status, corsOf(answer)]).toEqual([405, {}]);
  });

  test('lets in the pages that its operator lists', async () => {
    const router = await start({ cors: { origins: [PAGE] } });
    expect((await preflight(router, PAGE)).status).toBe(204);
  });
});

test('no answer ever allows credentials', async () => {
  for (const more of [{ keys: KEYS }, { keys: KEYS, cors: { origins: [PAGE] } }, {}]) {
    const router = await start(more);
    for (const answer of [await preflight(router, PAGE), await get(router, '/pki/keys', { origin: PAGE })]) {
      expect(answer.headers.has('access-control-allow-credentials')).toBe(false);
    }
  }
});
