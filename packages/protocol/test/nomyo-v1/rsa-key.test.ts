import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { encodePem } from '../../src/nomyo-v1/pem.ts';
import {
  DEFAULT_MODULUS_BITS,
  generateRsaKeyPair,
  importPrivateKeyPem,
  importPrivateKeyPkcs8,
} from '../../src/nomyo-v1/rsa-key.ts';
import { webCrypto } from '../../src/web-crypto.ts';
import { CRYPTO_PROVIDERS } from '../crypto-providers.ts';
import { thrownBy } from '../thrown.ts';

const pkcs8Of = (pair: { privateKey: { export(options: { format: 'der'; type: 'pkcs8' }): Buffer } }): Uint8Array =>
  pair.privateKey.export({ format: 'der', type: 'pkcs8' });

const GOOD = pkcs8Of(generateKeyPairSync('rsa', { modulusLength: 2_048 }));

describe('a generated key pair', () => {
  test('has 4,096 bits unless told otherwise, and exponent 65,537, as openssl reads it', async () => {
    expect(DEFAULT_MODULUS_BITS).toBe(4_096);
    const { pkcs8, publicKey } = await generateRsaKeyPair(webCrypto, 3_072);
    const text = execFileSync('openssl', ['pkey', '-inform', 'DER', '-noout', '-text'], { input: pkcs8 }).toString();
    expect(text).toContain('3072 bit');
    expect(text).toContain('publicExponent: 65537');
    expect(publicKey.modulusBytes).toBe(384);
  });

  test.each(CRYPTO_PROVIDERS)('wraps and unwraps with %s', async (_name, provider) => {
    const { publicKey, privateKey, pkcs8 } = await generateRsaKeyPair(provider, 2_048);
    const secret = provider.randomBytes(32);
    const wrapped = await publicKey.encrypt(secret);
    for (const key of [privateKey, await importPrivateKeyPkcs8(provider, pkcs8)]) {
      expect(Buffer.from(await key.decrypt(wrapped)).equals(secret)).toBe(true);
    }
  });

  test.each([1_024, 2_047, 2_049, 4_104, 8_192, 0, -2_048, Number.NaN])('cannot have %d bits', async (bits) => {
    expect(await thrownBy(() => generateRsaKeyPair(webCrypto, bits))).toMatchObject({ code: 'invalid_option' });
  });
});

describe.each(CRYPTO_PROVIDERS)('a private key imported by %s', (_name, provider) => {
  const label = 'PRIVATE KEY';

  test('is read from unencrypted PKCS#8 PEM', async () => {
    expect((await importPrivateKeyPem(provider, encodePem(label, GOOD))).modulusBytes).toBe(256);
  });

  test.each([
    ['a public key by its label', encodePem('PUBLIC KEY', GOOD)],
    ['PKCS#1 by its label', encodePem('RSA PRIVATE KEY', GOOD)],
    ['an encrypted one by its label', encodePem('ENCRYPTED PRIVATE KEY', GOOD)],
    ['not PEM', 'hello'],
    ['1,024 bits', encodePem(label, pkcs8Of(generateKeyPairSync('rsa', { modulusLength: 1_024 })))],
    ['exponent 3', encodePem(label, pkcs8Of(generateKeyPairSync('rsa', { modulusLength: 2_048, publicExponent: 3 })))],
    ['P-256', encodePem(label, pkcs8Of(generateKeyPairSync('ec', { namedCurve: 'P-256' })))],
    ['Ed25519', encodePem(label, pkcs8Of(generateKeyPairSync('ed25519')))],
    ['cut short', encodePem(label, GOOD.subarray(0, -1))],
    ['cut in the middle', encodePem(label, GOOD.subarray(0, 600))],
    [
      'primes that are not',
      encodePem(
        label,
        GOOD.map((byte, index) => (index > 700 ? byte ^ 1 : byte)),
      ),
    ],
  ])('is refused where it has or is %s', async (_what, pem) => {
    const error = await thrownBy(() => importPrivateKeyPem(provider, pem));
    expect(error).toMatchObject({ name: 'ConfigurationError', code: 'invalid_key_file' });
  });

  test('tells nothing of its bytes when it is refused', async () => {
    const pem = encodePem(label, GOOD.subarray(0, 600));
    const error = await thrownBy(() => importPrivateKeyPem(provider, pem));
    expect(String(error)).not.toContain(pem.slice(40, 60));
  });
});
