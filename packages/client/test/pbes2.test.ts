import { createPrivateKey } from 'node:crypto';
import forge from 'node-forge';
import { describe, expect, test } from 'vitest';
import { isPbes2, openPbes2, sealPbes2 } from '../src/pbes2.ts';
import { sharedKeyPair } from './test-platform.ts';

function binaryOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('binary');
}

async function forgeSealed(password: string, options: forge.pki.EncryptionOptions): Promise<Uint8Array> {
  const info = forge.asn1.fromDer(binaryOf((await sharedKeyPair(0)).pkcs8));
  const sealed = forge.pki.encryptPrivateKeyInfo(info, password, options);
  return new Uint8Array(Buffer.from(forge.asn1.toDer(sealed).getBytes(), 'binary'));
}

describe('keys that node-forge sealed', () => {
  // forge writes the optional key length, and leaves the hash out where it is SHA-1 (RFC 8018 §A.2).
  test.each(['aes128', 'aes192', 'aes256'] as const)('open: %s', async (algorithm) => {
    for (const prfAlgorithm of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
      const sealed = await forgeSealed('secret', { algorithm, prfAlgorithm, count: 100 });
      await expect(openPbes2(sealed, 'secret')).resolves.toEqual(new Uint8Array((await sharedKeyPair(0)).pkcs8));
    }
  });

  test('do not open with another password', async () => {
    const sealed = await forgeSealed('secret', { algorithm: 'aes256', prfAlgorithm: 'sha256', count: 100 });
    const opened = await openPbes2(sealed, 'Secret');
    expect(opened === null || !Buffer.from(opened).equals((await sharedKeyPair(0)).pkcs8)).toBe(true);
  });

  test('of another cipher are left to others', async () => {
    const sealed = await forgeSealed('secret', { algorithm: '3des', count: 100 });
    expect(isPbes2(sealed)).toBe(false);
    await expect(openPbes2(sealed, 'secret')).resolves.toBeNull();
  });

  test('that ask for more work than is reasonable are refused unopened', async () => {
    const sealed = await forgeSealed('secret', { algorithm: 'aes256', prfAlgorithm: 'sha256', count: 100 });
    const iterations = Buffer.from(sealed).indexOf(Buffer.from([0x02, 0x01, 100]));
    expect(iterations).toBeGreaterThan(0);
    const none = sealed.slice();
    none[iterations + 2] = 0;
    expect(isPbes2(none)).toBe(false);
  });
});

test('what it seals, OpenSSL opens, and no two are the same', async () => {
  const { pkcs8 } = await sharedKeyPair(0);
  const sealed = [await sealPbes2(pkcs8, 'a päßword'), await sealPbes2(pkcs8, 'a päßword')];
  expect(Buffer.from(sealed[0] ?? []).equals(sealed[1] ?? new Uint8Array())).toBe(false);
  for (const der of sealed) {
    const key = createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8', passphrase: 'a päßword' });
    expect(key.export({ format: 'der', type: 'pkcs8' }).equals(pkcs8)).toBe(true);
  }
});

test('a text cut anywhere is refused and never read past its end', async () => {
  const sealed = await forgeSealed('secret', { algorithm: 'aes256', prfAlgorithm: 'sha256', count: 100 });
  for (let length = 0; length < sealed.length; length++) expect(isPbes2(sealed.subarray(0, length))).toBe(false);
});
