import { execFileSync } from 'node:child_process';
import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { generateSigningIdentity, openSigningIdentity, readIdentityFile } from '../../src/pki/signing-identity.ts';
import { testRouter } from '../running-router.ts';

const folder = mkdtempSync(join(tmpdir(), 'sotto-identity-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** RFC 8410 §10.3, and the public key of §10.1 that belongs to it. */
const RFC_8410 = {
  pem: '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n',
  publicKey: '19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1',
};

const pem = (type: 'rsa' | 'ed25519' | 'x25519' | 'ec'): string => {
  const pair =
    type === 'rsa'
      ? generateKeyPairSync('rsa', { modulusLength: 2_048 })
      : type === 'ec'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
        : type === 'ed25519'
          ? generateKeyPairSync('ed25519')
          : generateKeyPairSync('x25519');
  return pair.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString();
};

describe('an identity', () => {
  test('has the public key of RFC 8410’s example, and is named by its SHA-256', () => {
    const { publicKey, fingerprint } = openSigningIdentity(RFC_8410.pem);
    expect(Buffer.from(publicKey).toString('hex')).toBe(RFC_8410.publicKey);
    expect(fingerprint).toBe(createHash('sha256').update(Buffer.from(RFC_8410.publicKey, 'hex')).digest('hex'));
  });

  test('signs what others verify with its public key', async () => {
    const identity = openSigningIdentity(generateSigningIdentity());
    expect(identity.publicKey).toHaveLength(32);
    const signature = await identity.sign(Buffer.from('message'));
    const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), identity.publicKey]);
    const publicKey = createPublicKey({ key: spki, format: 'der', type: 'spki' });
    expect(verify(null, Buffer.from('message'), publicKey, signature)).toBe(true);
    expect(verify(null, Buffer.from('massage'), publicKey, signature)).toBe(false);
  });

  test('is another one each time it is made', () => {
    expect(generateSigningIdentity()).not.toBe(generateSigningIdentity());
  });

  test('may be a file that openssl made', async () => {
    const path = join(folder, 'openssl.pem');
    try {
      execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', path], { stdio: 'ignore' });
    } catch {
      process.stdout.write('skipped: there is no openssl to make a key with\n');
      return;
    }
    const identity = openSigningIdentity(await readIdentityFile(path));
    const router = await testRouter({
      protocols: ['clear'],
      identity: { keyFile: path },
      upstreams: [{ name: 'u', baseUrl: 'http://127.0.0.1:9/v1', models: ['m'] }],
    });
    expect(router.signerFingerprint).toBe(identity.fingerprint);
  });

  test.each([
    ['of RSA', () => pem('rsa')],
    ['of X25519', () => pem('x25519')],
    ['of a NIST curve', () => pem('ec')],
    ['that is public only', () => createPublicKey(pem('ed25519')).export({ format: 'pem', type: 'spki' }).toString()],
    [
      'under a password',
      () =>
        generateKeyPairSync('ed25519')
          .privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' })
          .toString(),
    ],
    ['cut off', () => pem('ed25519').slice(0, 60)],
    ['that is none', () => 'a key'],
    ['in an empty file', () => ''],
  ])('is refused, when the router starts, with a key %s', async (_what, text) => {
    const path = join(folder, 'wrong.pem');
    writeFileSync(path, text());
    const start = testRouter({
      protocols: ['clear'],
      identity: { keyFile: path },
      upstreams: [{ name: 'u', baseUrl: 'http://127.0.0.1:9/v1', models: ['m'] }],
    });
    await expect(start).rejects.toMatchObject({ name: 'ConfigurationError', code: 'invalid_key_file' });
  });

  test('is refused with a file that is missing or a folder, and the message names it', async () => {
    for (const path of [join(folder, 'none.pem'), folder]) {
      const refused = readIdentityFile(path);
      await expect(refused).rejects.toMatchObject({ code: 'invalid_key_file' });
      await expect(refused).rejects.toThrow(path);
    }
  });
});
