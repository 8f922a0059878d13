import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts';
import type { RsaPublicKey } from '../../src/crypto-provider.ts';
import { encodePem } from '../../src/nomyo-v1/pem.ts';
import {
  exportPublicKeyPem,
  fingerprint,
  importPublicKeyPem,
  importPublicKeySpki,
} from '../../src/nomyo-v1/rsa-key.ts';
import { CRYPTO_PROVIDERS } from '../crypto-providers.ts';
import { thrownBy } from '../thrown.ts';
import { der, modulusOf, rsaSpki } from './der-writer.ts';

const spkiOf = (pair: { publicKey: { export(options: { format: 'der'; type: 'spki' }): Buffer } }): Uint8Array =>
  pair.publicKey.export({ format: 'der', type: 'spki' });

const GOOD = spkiOf(generateKeyPairSync('rsa', { modulusLength: 2_048 }));
const MODULUS = modulusOf(2_048);
const EVEN = MODULUS.slice();
EVEN[EVEN.length - 1] = (EVEN.at(-1) ?? 0) & 0xfe;

/** The same element with its outermost length in one byte more than it needs. */
function withLongLength(element: Uint8Array): Uint8Array {
  return concatBytes(Uint8Array.of(0x30, 0x83, 0, element[2] ?? 0, element[3] ?? 0), element.subarray(4));
}

const REFUSED: readonly (readonly [string, Uint8Array])[] = [
  ['nothing', new Uint8Array(0)],
  ['no DER', encodeUtf8('not a key')],
  ['1,024 bits', rsaSpki({ modulus: modulusOf(1_024) })],
  ['2,047 bits', rsaSpki({ modulus: modulusOf(2_047) })],
  ['4,097 bits', rsaSpki({ modulus: modulusOf(4_097) })],
  ['8,192 bits', rsaSpki({ modulus: modulusOf(8_192) })],
  ['16,384 bits', rsaSpki({ modulus: modulusOf(16_384) })],
  ['an even modulus', rsaSpki({ modulus: EVEN })],
  ['the modulus 0', rsaSpki({ modulus: Uint8Array.of(0) })],
  ['the exponent 1', rsaSpki({ modulus: MODULUS, exponent: Uint8Array.of(1) })],
  ['the exponent 3', rsaSpki({ modulus: MODULUS, exponent: Uint8Array.of(3) })],
  ['an even exponent', rsaSpki({ modulus: MODULUS, exponent: Uint8Array.of(1, 0, 0) })],
  ['the exponent 65,537 + 2^32', rsaSpki({ modulus: MODULUS, exponent: Uint8Array.of(1, 0, 1, 0, 1) })],
  ['a huge exponent', rsaSpki({ modulus: MODULUS, exponent: modulusOf(2_040) })],
  ['another algorithm', rsaSpki({ modulus: MODULUS, oid: Uint8Array.of(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01) })],
  ['no NULL for parameters', rsaSpki({ modulus: MODULUS, parameters: new Uint8Array(0) })],
  ['something in the NULL', rsaSpki({ modulus: MODULUS, parameters: Uint8Array.of(5, 1, 0) })],
  ['unused bits', rsaSpki({ modulus: MODULUS, unusedBits: 1 })],
  ['a third integer', rsaSpki({ modulus: MODULUS, afterExponent: Uint8Array.of(2, 1, 1) })],
  ['bytes after the key', rsaSpki({ modulus: MODULUS, afterKey: Uint8Array.of(0) })],
  ['bytes after the end', concatBytes(GOOD, Uint8Array.of(0))],
  ['its last byte missing', GOOD.subarray(0, -1)],
  ['a length that is not minimal', withLongLength(GOOD)],
  ['an indefinite length', concatBytes(Uint8Array.of(0x30, 0x80), GOOD.subarray(4), Uint8Array.of(0, 0))],
  ['a modulus with a needless zero', rsaSpki({ modulus: concatBytes(Uint8Array.of(0, 0), MODULUS) })],
  ['a negative modulus', GOOD.map((byte, index) => (index === 28 + 4 ? 0x80 : byte))],
  ['P-256', spkiOf(generateKeyPairSync('ec', { namedCurve: 'P-256' }))],
  ['Ed25519', spkiOf(generateKeyPairSync('ed25519'))],
  ['RSA-PSS', spkiOf(generateKeyPairSync('rsa-pss', { modulusLength: 2_048 }))],
  ['DSA', spkiOf(generateKeyPairSync('dsa', { modulusLength: 2_048, divisorLength: 256 }))],
];

describe.each(CRYPTO_PROVIDERS)('a public key imported by %s', (_name, provider) => {
  test.each([2_048, 2_049, 3_072, 4_095, 4_096])('may have %i bits', async (bits) => {
    const key = await importPublicKeySpki(provider, rsaSpki({ modulus: modulusOf(bits) }));
    expect(key.modulusBytes).toBe(Math.ceil(bits / 8));
    expect(await key.encrypt(new Uint8Array(32))).toHaveLength(key.modulusBytes);
  });

  test.each(REFUSED)('is refused where it has or is %s', async (_what, spki) => {
    const refusal = { status: 400, code: 'invalid_public_key' };
    expect(await thrownBy(() => importPublicKeySpki(provider, spki))).toMatchObject(refusal);
    const pem = encodePem('PUBLIC KEY', spki);
    expect(await thrownBy(() => importPublicKeyPem(provider, pem))).toMatchObject(refusal);
  });

  test.each([
    ['not PEM', 'hello'],
    ['two PEMs', encodePem('PUBLIC KEY', GOOD).repeat(2)],
    ['a certificate by its label', encodePem('PUBLIC KEY', GOOD).replaceAll('PUBLIC KEY', 'CERTIFICATE')],
    ['PKCS#1 by its label', encodePem('RSA PUBLIC KEY', GOOD)],
    ['a private key by its label', encodePem('PRIVATE KEY', GOOD)],
    ['one with header lines', encodePem('PUBLIC KEY', GOOD).replace('-----\n', '-----\nProc-Type: 4\n\n')],
  ])('is refused where its text is %s', async (_what, pem) => {
    const error = await thrownBy(() => importPublicKeyPem(provider, pem));
    expect(error).toMatchObject({ status: 400, code: 'invalid_public_key' });
  });

  test('never throws anything but invalid_public_key, whatever byte of a good key is turned', async () => {
    for (let index = 0; index < GOOD.length; index++) {
      const forged = GOOD.map((byte, at) => (at === index ? byte ^ 0xff : byte));
      let error: unknown = null;
      try {
        await (await importPublicKeySpki(provider, forged)).encrypt(new Uint8Array(32));
      } catch (caught) {
        error = caught;
      }
      if (error !== null) expect(error, `byte ${index}`).toMatchObject({ code: 'invalid_public_key' });
    }
  });

  describe('of a good key', () => {
    let key: RsaPublicKey;
    beforeAll(async () => {
      key = await importPublicKeySpki(provider, GOOD);
    });

    test('is exported as it was', async () => {
      const pem = exportPublicKeyPem(key);
      expect(pem).toBe(encodePem('PUBLIC KEY', GOOD));
      expect((await importPublicKeyPem(provider, pem)).spki).toHaveLength(GOOD.length);
    });

    test('has the fingerprint that openssl computes', async () => {
      const input = exportPublicKeyPem(key);
      const spki = execFileSync('openssl', ['pkey', '-pubin', '-pubout', '-outform', 'DER'], { input });
      const digest = execFileSync('openssl', ['dgst', '-sha256', '-r'], { input: spki }).toString().slice(0, 64);
      expect(await fingerprint(provider, key)).toBe(digest);
    });
  });
});

test('the DER writer of these tests writes what OpenSSL reads', () => {
  expect(der(0x30, new Uint8Array(300)).subarray(0, 4)).toEqual(Uint8Array.of(0x30, 0x82, 1, 44));
  const spki = rsaSpki({ modulus: MODULUS });
  const args = ['pkey', '-pubin', '-inform', 'DER', '-outform', 'DER', '-pubout'];
  expect(execFileSync('openssl', args, { input: spki }).equals(spki)).toBe(true);
});
