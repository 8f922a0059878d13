import fc from 'fast-check';
import forge from 'node-forge';
import { beforeAll, describe, expect, test } from 'vitest';
import { concatBytes, encodeHex, encodeUtf8 } from '../src/bytes.ts';
import type { CryptoProvider, RsaPrivateKey, RsaPublicKey } from '../src/crypto-provider.ts';
import { generateRsaKeyPair } from '../src/nomyo-v1/rsa-key.ts';
import { webCrypto } from '../src/web-crypto.ts';
import { CRYPTO_PROVIDERS } from './crypto-providers.ts';
import { thrownBy } from './thrown.ts';

const KEY = new Uint8Array(32).fill(7);
const NONCE = new Uint8Array(12).fill(9);

const binary = (bytes: Uint8Array): string => Buffer.from(bytes).toString('binary');
const bytesOf = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'binary'));

function forgeSeal(key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): Uint8Array {
  const cipher = forge.cipher.createCipher('AES-GCM', binary(key));
  cipher.start({ iv: binary(nonce), tagLength: 128 });
  cipher.update(forge.util.createBuffer(binary(plaintext)));
  cipher.finish();
  return bytesOf(cipher.output.getBytes() + cipher.mode.tag.getBytes());
}

const OAEP = { md: forge.md.sha256.create(), mgf1: { md: forge.md.sha256.create() } };

describe.each(CRYPTO_PROVIDERS)('%s', (_name, provider) => {
  test('hashes as FIPS 180-4 does', async () => {
    const expected = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
    expect(encodeHex(await provider.sha256(encodeUtf8('abc')))).toBe(expected);
  });

  test('computes HMAC-SHA-256 as RFC 4231 §4.3 does', async () => {
    const mac = await provider.hmacSha256(encodeUtf8('Jefe'), encodeUtf8('what do ya want for nothing?'));
    expect(encodeHex(mac)).toBe('5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843');
  });

  test('derives keys as RFC 5869 §A.1 does', async () => {
    const inputKey = new Uint8Array(22).fill(0x0b);
    const salt = Uint8Array.from({ length: 13 }, (_, index) => index);
    const info = Uint8Array.from({ length: 10 }, (_, index) => 0xf0 + index);
    expect(encodeHex(await provider.hkdfSha256(inputKey, salt, info, 42))).toBe(
      '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
    );
  });

  test('seals AES-256-GCM as NIST test case 14 does', async () => {
    const sealed = await provider.aesGcmSeal(new Uint8Array(32), new Uint8Array(12), new Uint8Array(16));
    expect(encodeHex(sealed)).toBe('cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919');
  });

  test('seals what node-forge seals, and opens it again', async () => {
    const property = fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (plaintext) => {
      const sealed = await provider.aesGcmSeal(KEY, NONCE, plaintext);
      expect(encodeHex(sealed)).toBe(encodeHex(forgeSeal(KEY, NONCE, plaintext)));
      expect(encodeHex(await provider.aesGcmOpen(KEY, NONCE, sealed))).toBe(encodeHex(plaintext));
    });
    await fc.assert(property, { numRuns: 40 });
  });

  test('opens nothing in which a bit has been turned', async () => {
    const sealed = await provider.aesGcmSeal(KEY, NONCE, encodeUtf8('a short secret'));
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const forged = sealed.slice();
      forged[bit >> 3] = (forged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await thrownBy(() => provider.aesGcmOpen(KEY, NONCE, forged));
    }
  });

  test('takes no tag shorter than 16 bytes, not even a true one', async () => {
    const sealed = await provider.aesGcmSeal(KEY, NONCE, new Uint8Array(0));
    for (const length of [0, 4, 8, 12, 15]) {
      await thrownBy(() => provider.aesGcmOpen(KEY, NONCE, sealed.subarray(0, length)));
    }
    const longer = await provider.aesGcmSeal(KEY, NONCE, encodeUtf8('0123456789'));
    for (const length of [14, 18, 22, 25]) {
      await thrownBy(() => provider.aesGcmOpen(KEY, NONCE, longer.subarray(0, length)));
    }
  });

  test('takes no key of another length than 32 bytes and no empty nonce', async () => {
    for (const length of [0, 16, 24, 31, 33]) {
      const key = new Uint8Array(length);
      await thrownBy(() => provider.aesGcmSeal(key, NONCE, NONCE));
      await thrownBy(() => provider.aesGcmOpen(key, NONCE, new Uint8Array(16)));
    }
    await thrownBy(() => provider.aesGcmSeal(KEY, new Uint8Array(0), NONCE));
  });

  test('returns buffers that share no memory with what it was given', async () => {
    const plaintext = encodeUtf8('a secret that will be zeroed');
    const sealed = await provider.aesGcmSeal(KEY, NONCE, plaintext);
    const opened = await provider.aesGcmOpen(KEY, NONCE, sealed);
    sealed.fill(0);
    plaintext.fill(0);
    expect(Buffer.from(opened).toString()).toBe('a secret that will be zeroed');
  });

  test('draws random bytes of the length asked for, never the same twice', () => {
    expect(provider.randomBytes(0)).toHaveLength(0);
    expect(encodeHex(provider.randomBytes(32))).not.toBe(encodeHex(provider.randomBytes(32)));
  });

  test('works on views into larger buffers and on shared memory', async () => {
    const shared = new Uint8Array(new SharedArrayBuffer(40)).subarray(4, 36);
    shared.set(KEY);
    const plaintext = concatBytes(new Uint8Array(3), encodeUtf8('view'), new Uint8Array(3)).subarray(3, 7);
    const sealed = await provider.aesGcmSeal(shared, NONCE, plaintext);
    expect(encodeHex(sealed)).toBe(encodeHex(forgeSeal(KEY, NONCE, encodeUtf8('view'))));
  });
});

describe('RSA-OAEP with SHA-256', () => {
  const keys = new Map<CryptoProvider, { publicKey: RsaPublicKey; privateKey: RsaPrivateKey }>();
  let forgePublic: forge.pki.rsa.PublicKey;
  let forgePrivate: forge.pki.rsa.PrivateKey;

  beforeAll(async () => {
    const { publicKey, pkcs8 } = await generateRsaKeyPair(webCrypto, 2_048);
    for (const [, provider] of CRYPTO_PROVIDERS) {
      keys.set(provider, {
        publicKey: await provider.importRsaPublicKey(publicKey.spki, 256),
        privateKey: await provider.importRsaPrivateKey(pkcs8, 256),
      });
    }
    forgePrivate = forge.pki.privateKeyFromAsn1(forge.asn1.fromDer(binary(pkcs8)));
    forgePublic = forge.pki.rsa.setPublicKey(forgePrivate.n, forgePrivate.e);
  });

  test.each(CRYPTO_PROVIDERS)('of %s is what node-forge unwraps and wraps', async (_name, provider) => {
    const pair = keys.get(provider);
    const wrapped = await pair?.publicKey.encrypt(KEY);
    expect(wrapped).toHaveLength(256);
    expect(forgePrivate.decrypt(binary(wrapped ?? KEY), 'RSA-OAEP', OAEP)).toBe(binary(KEY));
    const theirs = bytesOf(forgePublic.encrypt(binary(KEY), 'RSA-OAEP', OAEP));
    expect(encodeHex((await pair?.privateKey.decrypt(theirs)) ?? NONCE)).toBe(encodeHex(KEY));
  });

  test.each(CRYPTO_PROVIDERS)('of %s wraps 190 bytes at most under 2,048 bits', async (_name, provider) => {
    const pair = keys.get(provider);
    expect(await pair?.publicKey.encrypt(new Uint8Array(190))).toHaveLength(256);
    await thrownBy(() => pair?.publicKey.encrypt(new Uint8Array(191)));
  });

  test.each(CRYPTO_PROVIDERS)('of %s refuses other hashes, labels and paddings', async (_name, provider) => {
    const sha1 = { md: forge.md.sha1.create(), mgf1: { md: forge.md.sha1.create() } };
    const mixed = { md: forge.md.sha256.create(), mgf1: { md: forge.md.sha1.create() } };
    const refused = [
      forgePublic.encrypt(binary(KEY), 'RSA-OAEP', sha1),
      forgePublic.encrypt(binary(KEY), 'RSA-OAEP', mixed),
      forgePublic.encrypt(binary(KEY), 'RSA-OAEP', { ...OAEP, label: 'label' }),
      forgePublic.encrypt(binary(KEY), 'RSAES-PKCS1-V1_5'),
      '\0'.repeat(256),
      '\xff'.repeat(256),
    ];
    for (const text of refused) {
      await thrownBy(() => keys.get(provider)?.privateKey.decrypt(bytesOf(text)));
    }
  });
});
