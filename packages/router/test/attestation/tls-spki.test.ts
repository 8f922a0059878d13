import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readTlsSpkiSha256 } from '../../src/attestation/tls-spki.ts';

const folder = mkdtempSync(join(tmpdir(), 'sotto-tls-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the digest of the TLS key', () => {
  test('is the one that openssl computes, of the first certificate of a chain', async () => {
    const path = (name: string) => join(folder, name);
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=r'];
    try {
      for (const name of ['leaf', 'issuer']) {
        const files = ['-keyout', path(`${name}.key`), '-out', path(`${name}.pem`)];
        execFileSync('openssl', [...args, ...files], { stdio: 'ignore' });
      }
    } catch {
      process.stdout.write('skipped: there is no openssl to make a certificate with\n');
      return;
    }
    const chain = ['leaf', 'issuer'].map((name) => execFileSync('openssl', ['x509', '-in', path(`${name}.pem`)]));
    writeFileSync(path('chain.pem'), Buffer.concat(chain));
    const spki = execFileSync('openssl', ['pkey', '-in', path('leaf.key'), '-pubout', '-outform', 'DER']);
    const digest = execFileSync('openssl', ['dgst', '-sha256', '-r'], { input: spki }).toString().slice(0, 64);
    expect(await readTlsSpkiSha256(path('chain.pem'))).toBe(digest);
  });

  test('is not made up where there is no certificate', async () => {
    const wrong = join(folder, 'wrong.pem');
    writeFileSync(wrong, 'no certificate');
    for (const path of [wrong, join(folder, 'none.pem')]) {
      await expect(readTlsSpkiSha256(path)).rejects.toMatchObject({
        name: 'ConfigurationError',
        code: 'invalid_config',
      });
    }
  });
});
