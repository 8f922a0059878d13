import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from '@hpke/core';
import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import {
  AEAD_AES_128_GCM,
  AEAD_AES_256_GCM,
  AEAD_CHACHA20_POLY1305,
  aes256Gcm,
  createHpke,
  type HpkeSuite,
  KDF_HKDF_SHA256,
  KEM_MLKEM768,
  KEM_MLKEM768_X25519,
  KEM_X25519,
  kemLengths,
} from '../../src/hpke/index.ts';
import { NonceSequence } from '../../src/hpke/nonce-sequence.ts';
import { nodeHpke } from '../../src/node/index.ts';
import { asyncErrorCode, errorCode } from '../error-code.ts';
import { hex } from '../hex.ts';
import { KEM_IDS, PROVIDERS } from './providers.ts';

const INFO = encodeUtf8('info');
const EMPTY = new Uint8Array(0);
const SUITES: readonly HpkeSuite[] = KEM_IDS.flatMap((kemId) =>
  [AEAD_AES_128_GCM, AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305].map((aeadId) => ({
    kemId,
    kdfId: KDF_HKDF_SHA256,
    aeadId,
  })),
);

describe.each(PROVIDERS)('%s', (_name, provider) => {
  test.each(PROVIDERS)('sends what %s receives, in every suite', async (_other, receiver) => {
    for (const suite of SUITES) {
      expect(provider.supports(suite)).toBe(true);
      const keyPair = await receiver.generateKeyPair(suite.kemId);
      const publicKey = await provider.importPublicKey(suite.kemId, keyPair.publicKey);
      const sender = await provider.setupSender(suite, publicKey, INFO);
      expect(sender.enc).toHaveLength(kemLengths(suite.kemId)?.enc ?? 0);
      const receiving = await receiver.setupReceiver(suite, keyPair, sender.enc, INFO);
      for (const text of ['one', '', 'three']) {
        const sealed = await sender.context.seal(encodeUtf8(text), encodeUtf8('aad'));
        expect(hex(await receiving.open(sealed, encodeUtf8('aad')))).toBe(hex(encodeUtf8(text)));
      }
      const exported = [await sender.context.export(INFO, 100), await receiving.export(INFO, 100)];
      expect(hex(exported[0] ?? EMPTY)).toBe(hex(exported[1] ?? INFO));
    }
  });

  test('a forgery does not open and does not use up the nonce', async () => {
    const suite = { kemId: KEM_X25519, kdfId: KDF_HKDF_SHA256, aeadId: AEAD_AES_256_GCM };
    const keyPair = await provider.generateKeyPair(KEM_X25519);
    const publicKey = await provider.importPublicKey(KEM_X25519, keyPair.publicKey);
    const { enc, context } = await provider.setupSender(suite, publicKey, INFO);
    const receiver = await provider.setupReceiver(suite, keyPair, enc, INFO);
    const sealed = await context.seal(encodeUtf8('x'), EMPTY);
    for (const wrong of [
      sealed.map((byte) => byte ^ 1),
      sealed.subarray(0, 5),
      sealed.subarray(0, sealed.length - 12),
      EMPTY,
    ]) {
      await expect(async () => receiver.open(wrong, EMPTY)).rejects.toThrow();
    }
    await expect(async () => receiver.open(sealed, INFO)).rejects.toThrow();
    expect(hex(await receiver.open(sealed, EMPTY))).toBe('78');
  });

  test('the secrets that replicas share derive the same key everywhere', async () => {
    for (const kemId of KEM_IDS) {
      const secret = new Uint8Array(64).fill(9);
      const keyPair = await provider.deriveKeyPair(kemId, secret);
      expect(hex(keyPair.publicKey)).toBe(hex((await nodeHpke.deriveKeyPair(kemId, secret)).publicKey));
    }
  });

  test('keys and secrets of the wrong length are refused', async () => {
    for (const kemId of KEM_IDS) {
      await expect(async () => provider.importPublicKey(kemId, new Uint8Array(31))).rejects.toThrow();
      await expect(async () => provider.deriveKeyPair(kemId, new Uint8Array(31))).rejects.toThrow();
    }
    await expect(async () => provider.importAeadKey(AEAD_AES_256_GCM, new Uint8Array(16))).rejects.toThrow();
  });

  test('an encapsulation key that ML-KEM does not allow is refused', async () => {
    for (const kemId of [KEM_MLKEM768, KEM_MLKEM768_X25519]) {
      const bytes = new Uint8Array(kemLengths(kemId)?.publicKey ?? 0).fill(0xff);
      await expect(async () => {
        const key = await provider.importPublicKey(kemId, bytes);
        await provider.setupSender({ kemId, kdfId: 1, aeadId: 2 }, key, INFO);
      }).rejects.toThrow();
    }
  });

  test('a key of another provider is refused, and so is an algorithm it was made without', async () => {
    const suite = { kemId: KEM_X25519, kdfId: KDF_HKDF_SHA256, aeadId: AEAD_AES_256_GCM };
    const foreign = { kemId: KEM_X25519, bytes: new Uint8Array(32), publicKey: new Uint8Array(32) };
    expect(await asyncErrorCode(() => provider.setupSender(suite, foreign, INFO))).toBe('invalid_option');
    expect(await asyncErrorCode(() => provider.setupReceiver(suite, foreign, new Uint8Array(32), INFO))).toBe(
      'invalid_option',
    );
    expect(await asyncErrorCode(() => provider.generateKeyPair(0x0010))).toBe('invalid_option');
    expect(provider.supports({ ...suite, kdfId: 3 })).toBe(false);
    expect(provider.supports({ ...suite, kemId: 0x0010 })).toBe(false);
  });
});

test('an independent implementation receives what is sent, and sends what is received', async () => {
  const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
  const ours = { kemId: KEM_X25519, kdfId: KDF_HKDF_SHA256, aeadId: AEAD_AES_256_GCM };
  const theirs = await suite.kem.generateKeyPair();
  const publicKey = nodeHpke.importPublicKey(
    KEM_X25519,
    new Uint8Array(await suite.kem.serializePublicKey(theirs.publicKey)),
  );
  const { enc, context } = await nodeHpke.setupSender(ours, await publicKey, INFO);
  const recipient = await suite.createRecipientContext({ recipientKey: theirs, enc: enc.slice(), info: INFO });
  const opened = await recipient.open(Uint8Array.from(await context.seal(encodeUtf8('hi'), EMPTY)));
  expect(hex(new Uint8Array(opened))).toBe('6869');

  const keyPair = await nodeHpke.generateKeyPair(KEM_X25519);
  const recipientPublicKey = await suite.kem.deserializePublicKey(Uint8Array.from(keyPair.publicKey));
  const sender = await suite.createSenderContext({ recipientPublicKey, info: INFO });
  const receiving = await nodeHpke.setupReceiver(ours, keyPair, new Uint8Array(sender.enc), INFO);
  const sealed = new Uint8Array(await sender.seal(encodeUtf8('ho')));
  expect(hex(await receiving.open(sealed, EMPTY))).toBe('686f');
});

test('where no implementation of an algorithm works, the runtime is reported as unsupported', async () => {
  const broken = createHpke({
    kems: [
      {
        kemId: KEM_X25519,
        implementations: [
          () => {
            throw new Error('not here');
          },
        ],
      },
    ],
    aeads: [aes256Gcm],
  });
  expect(await asyncErrorCode(() => broken.generateKeyPair(KEM_X25519))).toBe('unsupported_runtime');
});

test('halves of different key pairs are refused', async () => {
  const other = await nodeHpke.generateKeyPair(KEM_X25519);
  await expect(async () =>
    nodeHpke.importKeyPair(KEM_X25519, new Uint8Array(32).fill(1), other.publicKey),
  ).rejects.toThrow();
});

describe('the nonces of one key', () => {
  test('count up by XOR, and end at 2^32', () => {
    const base = new Uint8Array(12).fill(0xf0);
    const nonces = new NonceSequence(base, 255);
    expect(hex(nonces.take())).toBe(`${'f0'.repeat(11)}0f`);
    expect(hex(nonces.take())).toBe(`${'f0'.repeat(10)}f1f0`);
    const last = new NonceSequence(base, 2 ** 32 - 1);
    expect(hex(last.take())).toBe(`${'f0'.repeat(8)}${'0f'.repeat(4)}`);
    expect(errorCode(() => last.take())).toBe('message_limit_reached');
  });
});
