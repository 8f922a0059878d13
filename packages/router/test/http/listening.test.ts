import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { serve } from '../../src/serve.ts';
import { send, sendJson } from '../http-client.ts';
import { chat, startRouter, testRouter, upstreamsAt } from '../running-router.ts';
import { completion, type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let upstream: StandInUpstream;
let folder: string;
beforeAll(async () => {
  upstream = await startStandIn();
  folder = mkdtempSync(join(tmpdir(), 'sotto-'));
});
afterAll(async () => {
  await upstream.close();
  rmSync(folder, { recursive: true });
});

describe('a router', () => {
  test('listens over TLS with the certificate it is given, from TLS 1.2 on', async () => {
    const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile];
    execFileSync('openssl', ['req', '-x509', '-days', '1', ...key, '-out', certFile, ...subject], { stdio: 'ignore' });
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), tls: { certFile, keyFile } });
    expect(url).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const ca = readFileSync(certFile);
    const body = JSON.stringify(chat('x'));
    const answer = await send(`${url}/v1/chat/completions`, { body, ca });
    expect(answer.status).toBe(200);
    const old = send(`${url}/health`, { ca, maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' });
    await expect(old).rejects.toThrow();
    await expect(send(`${url}/health`)).rejects.toThrow();
  });

  test.each([
    ['that is not there', () => ({ certFile: join(folder, 'no.pem'), keyFile: join(folder, 'no.pem') })],
    [
      'that is none',
      () => {
        const file = join(folder, 'none.pem');
        writeFileSync(file, 'hello');
        return { certFile: file, keyFile: file };
      },
    ],
  ])('does not start with a certificate %s', async (_what, tls) => {
    const started = startRouter({ upstreams: upstreamsAt(upstream.baseUrl), tls: tls() });
    await expect(started).rejects.toMatchObject({ name: 'ConfigurationError', code: 'invalid_config' });
  });

  test('listens on a unix socket', async () => {
    const socketPath = join(folder, 'router.sock');
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), listen: `unix:${socketPath}` });
    expect(url).toBe(`unix:${socketPath}`);
    const status = await new Promise((resolve, reject) => {
      httpRequest({ socketPath, path: '/health' }, (response) => {
        response.resume();
        resolve(response.statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(200);
  });

  test('listens on IPv6', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), listen: '[::1]:0' });
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    expect((await send(`${url}/health`)).status).toBe(200);
  });

  test('does not start at an address that is taken', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const router = await testRouter({ upstreams: upstreamsAt(upstream.baseUrl), listen: new URL(url).host });
    await expect(serve(router)).rejects.toMatchObject({ name: 'ConfigurationError', code: 'invalid_config' });
  });
});

describe('an upstream on a unix socket', () => {
  test('is asked there, at its own base path', async () => {
    const socketPath = join(folder, 'upstream.sock');
    const paths: string[] = [];
    const server = createServer((request, response) => {
      paths.push(request.url ?? '');
      request.resume();
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(completion('over the socket')));
    });
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    onTestFinished(() => void server.close());
    const { url } = await startRouter({
      upstreams: [
        { name: 'a', baseUrl: `unix:${socketPath}`, models: ['default'], tier: 'high' },
        { name: 'b', baseUrl: `unix:${socketPath}:/api/`, models: ['other'] },
      ],
    });
    for (const model of ['default', 'other']) {
      const answer = await sendJson(`${url}/v1/chat/completions`, chat('x', { model }));
      expect(answer.text).toContain('over the socket');
      expect(answer.headers['x-sotto-upstream-class']).toBe('loopback');
    }
    expect(paths).toEqual(['/v1/chat/completions', '/api/chat/completions']);
  });
});
