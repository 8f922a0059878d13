import { describe, expect, test } from 'vitest';
import type { SealedFetch } from '../../src/proxy/forward.ts';
import { ownHosts } from '../../src/proxy/guard.ts';
import { begin, headOf, send, startProxy } from './running-proxy.ts';

const PAGE = 'https://page.example';
let carried = 0;
const carry: SealedFetch = async () => {
  carried++;
  return new Response('carried', { headers: { 'retry-after-ms': '7' } });
};

async function codeOf(url: string, headers: Record<string, string>, method = 'POST'): Promise<unknown> {
  const before = carried;
  const { status, text } = await send(url, { method, headers });
  if (status === 200) {
    expect(carried).toBe(before + 1);
    return 200;
  }
  expect(carried).toBe(before);
  return (JSON.parse(text) as { error: { code: string } }).error.code;
}

describe('the guard', () => {
  test('refuses names that are not its own: a page that rebinds its name to this machine has its own name', async () => {
    const { url } = await startProxy(carry);
    const { port } = new URL(url);
    expect(await codeOf(url, { host: `evil.example:${port}` })).toBe('host_not_allowed');
    expect(await codeOf(url, { host: 'evil.example' }, 'GET')).toBe('host_not_allowed');
    expect(await codeOf(url, { host: '127.0.0.1' })).toBe('host_not_allowed');
    expect(await codeOf(url, { host: `localhost:${port}.evil.example` })).toBe('host_not_allowed');
    for (const host of [`LocalHost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`]) {
      expect(await codeOf(`${url}/v1/models`, { host })).toBe(200);
    }
  });

  test('takes the names that it is told to take, with any port that leads to it and no other', async () => {
    const { url } = await startProxy(carry, { hosts: ['Host.Docker.Internal'] });
    const { port } = new URL(url);
    expect(await codeOf(url, { host: `host.docker.internal:${port}` })).toBe(200);
    expect(await codeOf(url, { host: 'host.docker.internal' })).toBe(200);
    expect(await codeOf(url, { host: 'host.docker.internal:1' })).toBe('host_not_allowed');
  });

  test('refuses pages of other origins, those that hide their origin, and images and scripts of theirs', async () => {
    const { url } = await startProxy(carry);
    expect(await codeOf(url, { origin: PAGE })).toBe('origin_not_allowed');
    expect(await codeOf(url, { origin: PAGE }, 'OPTIONS')).toBe('origin_not_allowed');
    expect(await codeOf(url, { origin: 'null' })).toBe('origin_not_allowed');
    expect(await codeOf(url, { origin: `${url}.evil.example` })).toBe('origin_not_allowed');
    for (const site of ['cross-site', 'same-site']) {
      expect(await codeOf(`${url}/v1/models`, { 'sec-fetch-site': site }, 'GET')).toBe('origin_not_allowed');
    }
    expect(await codeOf(`${url}/v1/models`, { 'sec-fetch-site': 'none' }, 'GET')).toBe(200);
    expect(await codeOf(url, { origin: url, 'sec-fetch-site': 'same-origin' })).toBe(200);
  });

  test('a refused page gets no CORS field', async () => {
    const { url } = await startProxy(carry);
    const { headers } = await send(url, { method: 'OPTIONS', headers: { origin: PAGE } });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
  });

  test('an allowed page gets its preflight answered here, and may read the fields that SDKs read', async () => {
    const { url } = await startProxy(carry, { origins: new Set([PAGE]) });
    const before = carried;
    const asked = { origin: PAGE, 'access-control-request-headers': 'authorization, x-stainless-lang' };
    const preflight = await send(`${url}/v1/models`, { method: 'OPTIONS', headers: asked });
    expect(preflight).toMatchObject({ status: 204, text: '' });
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-allow-headers': 'authorization, x-stainless-lang',
      vary: 'origin',
    });
    expect(carried).toBe(before);
    const headers = { origin: PAGE, 'sec-fetch-site': 'cross-site' };
    const answer = await send(`${url}/v1/chat/completions`, { method: 'POST', headers });
    expect(answer).toMatchObject({ status: 200, text: 'carried' });
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-expose-headers': '*',
      'retry-after-ms': '7',
    });
  });

  test('refuses a WebSocket with words that say what to do', async () => {
    const { url } = await startProxy(carry);
    const headers = { connection: 'Upgrade', upgrade: 'WebSocket', 'sec-websocket-version': '13' };
    const answer = await send(`${url}/v1/chat/completions`, { headers });
    expect(answer.status).toBe(501);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(answer.text).toContain('stream: true');
    expect(await codeOf(url, headers, 'GET')).toBe('websocket_not_supported');
    expect(await codeOf(url, { ...headers, origin: PAGE }, 'GET')).toBe('origin_not_allowed');
    expect(await codeOf(url, { ...headers, host: 'evil.example' }, 'GET')).toBe('host_not_allowed');
  });

  test('refuses a target that is not a path: what follows the address of the router must not change its host', async () => {
    const { url } = await startProxy(carry);
    const before = carried;
    for (const target of ['http://evil.example/v1/models', '@evil.example/v1/models', '*']) {
      const sent = begin(url);
      sent.path = target;
      sent.end();
      const answer = await headOf(sent);
      answer.resume();
      expect(answer.statusCode).toBe(400);
    }
    expect(carried).toBe(before);
  });

  test('passes over an offer of HTTP/2, as clients make it that would rather speak that', async () => {
    const { url } = await startProxy(carry);
    const headers = { connection: 'Upgrade, HTTP2-Settings', upgrade: 'h2c', 'http2-settings': 'AAMAAABkAAQAAP__' };
    expect(await codeOf(`${url}/v1/models`, headers, 'GET')).toBe(200);
  });

  test('knows its address by all names of the machine, and without a port where that is 80', () => {
    expect(ownHosts('127.0.0.1', 80)).toContain('localhost');
    expect(ownHosts('::1', 8_088)).toContain('[::1]:8088');
    expect(ownHosts('192.0.2.7', 8_088)).toContain('192.0.2.7:8088');
    expect(ownHosts('127.0.0.1', 8_088)).not.toContain('localhost');
  });
});
