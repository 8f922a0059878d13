import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import type { RouterConfigInput } from '../../src/config/schema.ts';
import { serve } from '../../src/serve.ts';
import { testRouter, upstreamsAt } from '../running-router.ts';
import { type Certificate, selfSigned } from '../self-signed.ts';

const folder = mkdtempSync(join(tmpdir(), 'sotto-tls-'));
afterAll(() => rmSync(folder, { recursive: true }));
const [first, second] = [selfSigned(), selfSigned()];
const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];

function write({ certPem }: Certificate, { keyPem }: Certificate): void {
  writeFileSync(certFile, certPem);
  writeFileSync(keyFile, keyPem, { mode: 0o600 });
}

/** The certificate that a new connection is shown. */
function shownBy(url: string): Promise<string> {
  const { port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.toString() ?? '');
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

test('a certificate renewed in its file is shown to new connections, and one that does not fit its key is not', async () => {
  if (first === null || second === null) {
    process.stdout.write('skipped: there is no openssl to make certificates with\n');
    return;
  }
  write(first, first);
  const config: RouterConfigInput = {
    listen: '127.0.0.1:0',
    auth: 'open',
    shutdownGraceSeconds: 1,
    upstreams: upstreamsAt('http://127.0.0.1:9/v1'),
    tls: { certFile, keyFile },
  };
  const server = await serve(await testRouter(config));
  onTestFinished(() => server.close());
  expect(await shownBy(server.url)).toBe(first.certPem);

  write(second, first);
  await expect(server.prepare(config)).rejects.toMatchObject({ code: 'invalid_config' });
  expect(await shownBy(server.url)).toBe(first.certPem);

  write(second, second);
  const prepared = await server.prepare(config);
  // Nothing of the configuration has changed but what is in the files.
  expect(prepared.changed).toEqual([]);
  expect(await shownBy(server.url)).toBe(first.certPem);
  prepared.commit();
  expect(await shownBy(server.url)).toBe(second.certPem);
});
