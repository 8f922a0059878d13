import { createHash, X509Certificate } from 'node:crypto';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { errorOf, sendJson } from '../http-client.ts';
import { chat, startRouter } from '../running-router.ts';
import { type Certificate, selfSigned } from '../self-signed.ts';
import { completion } from '../stand-in-upstream.ts';

const [own, other] = [selfSigned(), selfSigned()];
if (own === null || other === null) {
  test('a pinned certificate (skipped: there is no openssl)', () => {
    process.stdout.write('skipped: there is no openssl to make certificates with\n');
  });
} else pinning(own, other);

function spkiOf({ certPem }: Certificate): string {
  const spki = new X509Certificate(certPem).publicKey.export({ format: 'der', type: 'spki' });
  return createHash('sha256').update(spki).digest('hex');
}

function pinning(certificate: Certificate, another: Certificate): void {
  const received: string[] = [];
  let handshakes = 0;
  let server: Server;
  let baseUrl: string;

  beforeAll(async () => {
    server = createServer({ cert: certificate.certPem, key: certificate.keyPem }, (message, response) => {
      received.push(`${message.method} ${message.url}`);
      response.writeHead(200, { 'content-type': 'application/json', connection: 'close' });
      response.end(JSON.stringify(completion('pinned')));
    });
    server.on('secureConnection', () => handshakes++);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    baseUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
  });
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });

  async function start(tlsSpkiSha256: string[] | undefined): Promise<() => ReturnType<typeof sendJson>> {
    const { url } = await startRouter({
      upstreams: [{ name: 'own', baseUrl, models: ['m'], tier: 'high', probe: false, tlsSpkiSha256 }],
    });
    received.length = 0;
    return () => sendJson(`${url}/v1/chat/completions`, chat('x'));
  }

  describe('a model server whose key is pinned', () => {
    test('is taken by its key alone: its certificate is signed by nobody, and for another name', async () => {
      const ask = await start([spkiOf(certificate)]);
      const answer = await ask();
      expect(answer.status).toBe(200);
      expect(answer.headers['x-sotto-upstream-class']).toBe('pinned');
    });

    test('is taken by any of several keys, written in upper case too', async () => {
      const ask = await start([spkiOf(another), spkiOf(certificate).toUpperCase()]);
      expect((await ask()).status).toBe(200);
    });

    test('is looked at anew on each connection, after the first too', async () => {
      const ask = await start([spkiOf(certificate)]);
      const before = handshakes;
      expect([(await ask()).status, (await ask()).status]).toEqual([200, 200]);
      expect(handshakes).toBe(before + 2);
    });

    test('gets no byte of a request where it has another key', async () => {
      const ask = await start([spkiOf(another)]);
      const answer = await ask();
      expect(answer.status).toBe(503);
      expect(errorOf(answer).code).toBe('upstream_unavailable');
      expect(received).toEqual([]);
    });
  });

  test('without a pin, a certificate that nobody signed is refused', async () => {
    const ask = await start(undefined);
    expect((await ask()).status).toBe(503);
    expect(received).toEqual([]);
  });
}
