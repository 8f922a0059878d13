import { nodeCrypto } from '@sotto/protocol/node';
import { encodePem, generateRsaKeyPair } from '@sotto/protocol/nomyo-v1';
import forge from 'node-forge';
import { describe, expect, test } from 'vitest';
import { ClientKeys } from '../src/client-keys.ts';
import { Log } from '../src/log.ts';
import { sealPbes2 } from '../src/pbes2.ts';
import type { KeyFiles } from '../src/platform.ts';
import { webPlatform } from '../src/web-platform.ts';
import { sharedKeyPair, testPlatform } from './test-platform.ts';

const log = new Log(null, 'off');

function keys(platform = testPlatform()): ClientKeys {
  return new ClientKeys({ platform, keyDir: null, keyPassword: null, log });
}

async function pems(index = 0) {
  const { pkcs8, publicKey } = await sharedKeyPair(index);
  return { privateKeyPem: encodePem('PRIVATE KEY', pkcs8), publicKeyPem: encodePem('PUBLIC KEY', publicKey.spki) };
}

describe('PEM texts', () => {
  test('load where there are no files, sealed with a password too', async () => {
    const { pkcs8, publicKey } = await sharedKeyPair(0);
    const sealed = encodePem('ENCRYPTED PRIVATE KEY', await sealPbes2(pkcs8, 'secret'));
    const client = new ClientKeys({ platform: webPlatform, keyDir: null, keyPassword: null, log });
    await client.load({ privateKeyPem: sealed, password: 'secret' });
    expect((await client.current()).publicKey.spki).toEqual(publicKey.spki);
  });

  test('derive the public key from the private one, and check it against the one that is given', async () => {
    const client = keys();
    await client.load(await pems());
    const { publicKeyPem } = await pems(2);
    await expect(client.load({ ...(await pems()), publicKeyPem })).rejects.toMatchObject({ code: 'invalid_key_file' });
  });

  test.each(['', 'wrong'])('sealed ones do not open with %j', async (password) => {
    const { pkcs8 } = await sharedKeyPair(0);
    const privateKeyPem = encodePem('ENCRYPTED PRIVATE KEY', await sealPbes2(pkcs8, 'secret'));
    await expect(keys().load({ privateKeyPem, password })).rejects.toMatchObject({ code: 'wrong_key_password' });
  });

  test('sealed ones do not open without a password', async () => {
    const { pkcs8 } = await sharedKeyPair(0);
    const privateKeyPem = encodePem('ENCRYPTED PRIVATE KEY', await sealPbes2(pkcs8, 'secret'));
    await expect(keys().load({ privateKeyPem })).rejects.toMatchObject({ code: 'wrong_key_password' });
  });

  test('of a form that only other runtimes open are refused with advice', async () => {
    const privateKeyPem =
      '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----';
    const client = new ClientKeys({ platform: webPlatform, keyDir: null, keyPassword: null, log });
    await expect(client.load({ privateKeyPem, password: 'x' })).rejects.toMatchObject({ code: 'invalid_key_file' });
  });

  test.each([
    ['no PEM', 'text'],
    ['a public key', encodePem('PUBLIC KEY', Uint8Array.of(0x30, 0))],
    ['no DER', encodePem('PRIVATE KEY', Uint8Array.of(1, 2, 3))],
    ['no PKCS#1', encodePem('RSA PRIVATE KEY', Uint8Array.of(1, 2, 3))],
  ])('that are %s are refused', async (_, privateKeyPem) => {
    await expect(keys().load({ privateKeyPem })).rejects.toMatchObject({ code: 'invalid_key_file' });
  });

  test('of a private key whose parts are of two keys are refused', async () => {
    const parse = (pem: string) => forge.pki.privateKeyFromPem(pem);
    const [one, other] = [parse((await pems(0)).privateKeyPem), parse((await pems(2)).privateKeyPem)];
    const { d, p, q, dP, dQ, qInv } = other;
    const mixed = forge.pki.setRsaPrivateKey(one.n, one.e, d, p, q, dP, dQ, qInv);
    const loading = keys().load({ privateKeyPem: forge.pki.privateKeyToPem(mixed) });
    await expect(loading).rejects.toMatchObject({ code: 'invalid_key_file' });
  });
});

describe('a failed load', () => {
  test('leaves the pair as it was', async () => {
    const client = keys();
    const before = await client.current();
    await expect(client.load({ privateKeyPem: 'x' })).rejects.toMatchObject({ code: 'invalid_key_file' });
    await expect(client.current()).resolves.toBe(before);
  });
});

describe('the private bytes of a pair', () => {
  test('are wiped once it is in use', async () => {
    const pair = await sharedKeyPair(0);
    const client = keys(testPlatform({}, async () => pair));
    await client.current();
    expect(pair.pkcs8.every((byte) => byte === 0)).toBe(true);
  });

  test('are wiped also where saving fails', async () => {
    const pair = await sharedKeyPair(0);
    const failing: KeyFiles = {
      ...testPlatform().keyFiles,
      write: () => Promise.reject(new Error('disk full')),
    } as KeyFiles;
    const platform = { ...testPlatform({}, async () => pair), keyFiles: failing };
    const client = new ClientKeys({ platform, keyDir: null, keyPassword: null, log });
    await expect(client.generate({ saveToFile: true, keyDir: 'keys' })).rejects.toThrow('disk full');
    expect(pair.pkcs8.every((byte) => byte === 0)).toBe(true);
  });
});

test('a pair of 4,096 bits is made while the event loop goes on', async () => {
  let turns = 0;
  let making = true;
  const turn = (): void => {
    turns++;
    if (making) setImmediate(turn);
  };
  setImmediate(turn);
  const pair = await generateRsaKeyPair(nodeCrypto);
  making = false;
  expect(pair.publicKey.modulusBytes).toBe(512);
  expect(turns).toBeGreaterThan(50);
});
