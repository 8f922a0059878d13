import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { send } from '../http-client.ts';
import { chat, startRouter, upstreamsAt } from '../running-router.ts';
import { type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';
import { type ConnectOptions, codeOf, connectTo, isError, isLast, refusalOf } from './socket-client.ts';

const KEY = 'sotto_a+b/c=right';
const BASE64URL_KEY = Buffer.from(KEY).toString('base64url');
let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
afterAll(() => upstream.close());

async function start(more: Partial<Parameters<typeof startRouter>[0]> = {}) {
  const { url } = await startRouter({
    keys: [
      { name: 'all', key: KEY },
      { name: 'plain', key: 'sotto_plain' },
      { name: 'one', key: 'sotto_one', limits: { requestsPerMinute: 1 } },
    ],
    upstreams: upstreamsAt(upstream.baseUrl),
    ...more,
  });
  return `${url}/v1/chat/completions`;
}

describe('a key', () => {
  test.each<[string, string, ConnectOptions]>([
    ['Authorization', '', { headers: { authorization: `Bearer ${KEY}` } }],
    ['X-API-Key', '', { headers: { 'x-api-key': KEY } }],
    ['a subprotocol', '', { protocols: ['sotto.v1', `sotto.key.${BASE64URL_KEY}`] }],
    ["a subprotocol of OpenAI's", '', { protocols: ['realtime', 'openai-insecure-api-key.sotto_plain'] }],
    ['the query', `?token=${encodeURIComponent(KEY)}`, {}],
    ['the query, a plus sign and all', `?x=1&token=${KEY}`, {}],
  ])('is taken from %s', async (_where, query, options) => {
    const client = await connectTo((await start()) + query, options);
    client.send(chat('hello'));
    await client.until(isLast());
    expect(client.contentOf()).toBe('echo: hello');
  });

  test('is taken from the first message, and nothing is said when it is good', async () => {
    const client = await connectTo(await start());
    client.send({ type: 'auth', api_key: KEY });
    client.send(chat('hello'));
    await client.until(isLast());
    expect(client.contentOf()).toBe('echo: hello');
    expect(client.received[0]).toHaveProperty('choices');
  });

  test('in a subprotocol is not what the answer names', async () => {
    const url = await start();
    const ours = await connectTo(url, { protocols: [`sotto.key.${BASE64URL_KEY}`, 'sotto.v1'] });
    expect(ours.socket.protocol).toBe('sotto.v1');
    const alone = await refusalOf(url, { protocols: [`sotto.key.${BASE64URL_KEY}`] });
    expect([alone.status, codeOf(alone)]).toEqual([400, 'invalid_request']);
    expect(JSON.stringify(alone)).not.toContain(BASE64URL_KEY);
  });

  test('in a header field goes before one in the query', async () => {
    const refused = await refusalOf(`${await start()}?token=${KEY}`, { headers: { 'x-api-key': 'sotto_wrong' } });
    expect([refused.status, codeOf(refused)]).toEqual([401, 'invalid_api_key']);
  });

  test.each<[string, string, ConnectOptions]>([
    ['in a header field', '', { headers: { authorization: 'Bearer sotto_wrong' } }],
    ['in a subprotocol', '', { protocols: ['sotto.v1', 'sotto.key.c290dG9fd3Jvbmc'] }],
    ['in the query', '?token=sotto_wrong', {}],
    ['with a line break in it', '?token=sotto_plain%0d%0ax-injected:%201', {}],
    ['with a space before another', '?token=sotto_plain%20sotto_wrong', {}],
    ['with a zero byte in it', '?token=sotto_plain%00', {}],
    ['too long to be one', `?token=${'x'.repeat(600)}`, {}],
  ])('that is wrong, %s, refuses the connection and is not repeated', async (_how, query, options) => {
    const refused = await refusalOf((await start()) + query, options);
    expect([refused.status, codeOf(refused)]).toEqual([401, 'invalid_api_key']);
    expect(JSON.stringify(refused)).not.toMatch(/sotto_|injected|xxx/);
  });

  test.each(['?token=%ff', '?token=%', '?token=a&token=b'])(
    'that cannot be read out of %s refuses the connection',
    async (query) => {
      const refused = await refusalOf((await start()) + query);
      expect([refused.status, codeOf(refused)]).toEqual([400, 'invalid_request']);
    },
  );

  test('that is wrong, in a message, ends the connection', async () => {
    const client = await connectTo(await start());
    client.send({ type: 'auth', api_key: 'sotto_wrong' });
    client.send({ type: 'auth', api_key: KEY });
    client.send(chat('hello'));
    expect((await client.closed).code).toBe(1008);
    expect(client.received.map(({ error }) => error?.code)).toEqual(['invalid_api_key']);
  });

  test('that has not come yet makes a request an error, and may still come', async () => {
    const client = await connectTo(await start());
    client.send(chat('early'));
    await client.until(isError('missing_api_key'));
    client.send({ type: 'auth', api_key: KEY });
    client.send(chat('late'));
    await client.until(isLast());
    expect(client.contentOf()).toBe('echo: late');
  });

  test('has each message counted as a request, and the connection as none', async () => {
    const url = await start();
    const client = await connectTo(url, { headers: { 'x-api-key': 'sotto_one' } });
    client.send(chat('first'));
    await client.until(isLast());
    client.send(chat('second'));
    const refused = await client.until(isError('rate_limit_exceeded'));
    expect(refused.retry_after_ms).toBeGreaterThan(0);
    expect(client.contentOf()).toBe('echo: first');
  });

  test('is not needed where everybody is let in', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const client = await connectTo(`${url}/v1/chat/completions`);
    client.send({ type: 'auth', api_key: 'whatever' });
    client.send(chat('hello'));
    await client.until(isLast());
  });
});

describe('an upgrade', () => {
  test.each(['/v1/models', '/ws', '/', '/v1/chat/completions/x', '/health'])('of %s is a 404', async (path) => {
    const url = new URL(path, await start()).href;
    const refused = await refusalOf(url, { headers: { 'x-api-key': KEY } });
    expect([refused.status, codeOf(refused)]).toEqual([404, 'not_found']);
  });

  test('is answered below /api too', async () => {
    const url = new URL('/api/v1/chat/completions', await start()).href;
    const client = await connectTo(url, { headers: { 'x-api-key': KEY } });
    client.send(chat('hello'));
    await client.until(isLast());
  });

  test('from a page of an origin that is not allowed is refused', async () => {
    const open = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const headers = { origin: 'https://page.example' };
    const refused = await refusalOf(`${open.url}/v1/chat/completions`, { headers });
    expect([refused.status, codeOf(refused)]).toEqual([403, 'origin_not_allowed']);
    const listed = await start({ cors: { origins: ['https://page.example'] } });
    await connectTo(listed, { headers });
    const other = await refusalOf(listed, { headers: { origin: 'https://page.example.evil.example' } });
    expect(other.status).toBe(403);
    await connectTo(await start(), { headers });
  });

  test('is refused where there is no room for it', async () => {
    const url = await start({ limits: { openStreams: 1 } });
    await connectTo(url);
    const refused = await refusalOf(url);
    expect([refused.status, codeOf(refused)]).toEqual([503, 'overloaded']);
    expect(refused.headers['retry-after']).toBe('1');
  });

  test('of a wrong version is refused', async () => {
    const headers = { 'sec-websocket-version': '7', 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' };
    const answer = await send(await start(), { headers: { connection: 'Upgrade', upgrade: 'websocket', ...headers } });
    expect(answer.status).toBe(400);
  });

  test('to something else than WebSocket is answered as if it were none', async () => {
    const url = await start();
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAoAAA' };
    const body = JSON.stringify(chat('still here'));
    const answer = await send(url, {
      method: 'POST',
      body,
      headers: { ...headers, 'x-api-key': KEY, 'content-type': 'application/json' },
    });
    expect(answer.status).toBe(200);
    expect(answer.text).toContain('echo: still here');
  });

  test('in clear is refused where nothing but nomyo-v1 and ehbp is served', async () => {
    const refused = await refusalOf(await start({ protocols: ['ehbp'] }), { headers: { 'x-api-key': KEY } });
    expect([refused.status, codeOf(refused)]).toEqual([403, 'sealed_request_required']);
  });
});
