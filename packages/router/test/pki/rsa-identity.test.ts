import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRouter } from '../../src/app.ts';
import { openRsaIdentity, readRsaPkcs8File } from '../../src/pki/rsa-identity.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'sotto-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const pair = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const pkcs8 = { format: 'pem', type: 'pkcs8' } as const;

function file(text: string | Buffer): string {
  const path = join(folder, 'key.pem');
  writeFileSync(path, text);
  return path;
}

describe('the router’s RSA key', () => {
  test('is read from its file, and has the fingerprint that openssl computes', async () => {
    const path = file(pair.privateKey.export(pkcs8));
    const identity = await openRsaIdentity({ pkcs8: await readRsaPkcs8File(path), copies: 2, maxWaiting: 1 });
    const spki = execFileSync('openssl', ['pkey', '-in', path, '-pubout', '-outform', 'DER']);
    const digest = execFileSync('openssl', ['dgst', '-sha256', '-r'], { input: spki }).toString().slice(0, 64);
    expect(identity.fingerprint).toBe(digest);
    expect(identity.publicKeyPem).toBe(pair.publicKey.export({ format: 'pem', type: 'spki' }));
    expect(identity.unwrapper.modulusBytes).toBe(256);
  });

  test.each([
    ['is not there', () => join(folder, 'none.pem')],
    ['is no key', () => file('hello')],
    ['is a public key', () => file(pair.publicKey.export({ format: 'pem', type: 'spki' }))],
    ['needs a password', () => file(pair.privateKey.export({ ...pkcs8, cipher: 'aes-256-cbc', passphrase: 'x' }))],
    ['is of another kind', () => file(generateKeyPairSync('ed25519').privateKey.export(pkcs8))],
    ['is too short', () => file(generateKeyPairSync('rsa', { modulusLength: 1_024 }).privateKey.export(pkcs8))],
  ])('that %s keeps the router from starting', async (_what, keyFile) => {
    const upstreams = [{ name: 'a', baseUrl: 'http://127.0.0.1:9/v1', models: ['m'] }];
    const started = createRouter({ auth: 'open', upstreams, nomyoV1: { keyFile: keyFile() } });
    await expect(started).rejects.toMatchObject({ name: 'ConfigurationError', code: 'invalid_key_file' });
  });
});
