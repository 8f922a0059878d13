import { ConfigurationError } from '@sotto/protocol';
import { describe, expect, test } from 'vitest';
import { begin, headOf, send, startProxy } from './running-proxy.ts';

describe('the status', () => {
  test('is told to programs, and counts what was carried and what failed', async () => {
    const { url } = await startProxy(
      async (address) => new Response('', { status: address.endsWith('/bad') ? 500 : 200 }),
    );
    await send(`${url}/good`);
    await send(`${url}/bad`);
    const answer = await send(`${url}/sotto/status`);
    expect(answer.headers['content-type']).toBe('application/json');
    expect(JSON.parse(answer.text)).toEqual({
      router: 'https://router.test',
      state: 'connected',
      protocol: 'ohttp',
      suite: 'MLKEM768-X25519, HKDF-SHA256, AES-256-GCM',
      keyFingerprint: 'ab'.repeat(32),
      trust: 'pinned <b>"&',
      attestation: [{ name: 'policy', status: 'failed', words: 'no <i>', code: 'debug_enabled' }],
      measurements: { pcr0: 'cd'.repeat(48) },
      validUntil: '2026-03-01T12:00:00.000Z',
      requests: 2,
      failures: 1,
    });
  });

  test('is a page without a script and without a way out, and escapes what it shows', async () => {
    const { url, records } = await startProxy(async () => new Response(''));
    const page = await send(`${url}/?from=somewhere`);
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.headers['content-security-policy']).toContain("default-src 'none'");
    expect(page.headers['cache-control']).toBe('no-store');
    expect(page.text).toContain('pinned &lt;b&gt;&quot;&amp;');
    expect(page.text).toContain('failed: no &lt;i&gt; (debug_enabled)');
    expect(page.text).toContain('ab'.repeat(32));
    expect(page.text).toContain(`Measured: pcr0</th><td>${'cd'.repeat(48)}`);
    expect(page.text).toContain('Evidence holds until</th><td>2026-03-01T12:00:00.000Z');
    expect(page.text).not.toMatch(/<script|src=|href=/);
    expect(records).toEqual([]);
  });

  test('answers HEAD, as monitors ask, without asking the router', async () => {
    const { url, records } = await startProxy(async () => new Response(''));
    for (const path of ['/', '/sotto/status']) {
      expect(await send(url + path, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
    }
    expect(records).toEqual([]);
  });
});

describe('the log', () => {
  test('is told a path without its query, where people put keys', async () => {
    const { url, records } = await startProxy(async () => new Response(''));
    await send(`${url}/v1/models?api_key=canary`);
    expect(records).toMatchObject([{ method: 'GET', path: '/v1/models', status: 200 }]);
    expect(JSON.stringify(records)).not.toContain('canary');
  });
});

describe('listening', () => {
  test('names an address that is in use', async () => {
    const { url } = await startProxy(async () => new Response(''));
    const failure = await startProxy(async () => new Response(''), { port: Number(new URL(url).port) }).catch(
      (error: unknown) => error,
    );
    expect(ConfigurationError.isInstance(failure) && failure.code).toBe('invalid_config');
    expect(String(failure)).toContain('in use');
  });

  test('ends with what is under way, and cuts off what takes too long', async () => {
    const body = new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode('first')) });
    const proxy = await startProxy(async () => new Response(body), { graceMs: 10 });
    const sent = begin(`${proxy.url}/v1/chat/completions`);
    sent.end();
    const answer = await headOf(sent);
    const cut = new Promise((resolve) => answer.on('error', resolve));
    answer.resume();
    await proxy.close();
    expect(await cut).toBeInstanceOf(Error);
  });

  test('is an address in brackets over IPv6', async () => {
    let proxy: Awaited<ReturnType<typeof startProxy>>;
    try {
      proxy = await startProxy(async () => new Response(''), { host: '::1' });
    } catch {
      process.stdout.write('skipped: there is no IPv6 here\n');
      return;
    }
    expect(proxy.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await send(`${proxy.url}/v1/models`)).status).toBe(200);
  });
});
