import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import { AEAD_AES_256_GCM, KDF_HKDF_SHA256, KEM_MLKEM768_X25519, KEM_X25519 } from '../../src/hpke/index.ts';
import { nodeHpke } from '../../src/node/index.ts';
import { importRecipient, openWholeRequest, sealWholeRequest } from '../../src/ohttp/index.ts';
import { asyncErrorCode } from '../error-code.ts';
import { KEM_IDS, PROVIDERS } from '../hpke/providers.ts';
import { makePair, type Pair } from './gateway.ts';

const SUITE = { kemId: KEM_X25519, kdfId: KDF_HKDF_SHA256, aeadId: AEAD_AES_256_GCM };
let pair: Pair;
beforeAll(async () => {
  pair = await makePair(nodeHpke, SUITE);
});

describe.each(PROVIDERS)('%s', (_name, provider) => {
  test.each(KEM_IDS)('a whole request and its response open under KEM %i', async (kemId) => {
    const { recipient, findKey } = await makePair(provider, { ...SUITE, kemId });
    const sealed = await sealWholeRequest(provider, recipient, encodeUtf8('question'));
    const opened = await openWholeRequest(provider, findKey, sealed.body);
    expect(opened.message.slice()).toEqual(encodeUtf8('question'));
    const response = await opened.sealResponse(encodeUtf8('answer'));
    expect((await sealed.openResponse(response)).slice()).toEqual(encodeUtf8('answer'));
  });

  test('a public key that is none is refused before anything is sealed', async () => {
    const publicKey = new Uint8Array(1216).fill(0xff);
    const config = { keyId: 1, kemId: KEM_MLKEM768_X25519, publicKey, suites: [SUITE] };
    const suite = { ...SUITE, kemId: KEM_MLKEM768_X25519 };
    const attempt = async () =>
      sealWholeRequest(provider, await importRecipient(provider, config, suite), encodeUtf8('secret'));
    expect(await asyncErrorCode(attempt)).toBe('invalid_key_config');
    // Of small order: every shared secret with it is zero (RFC 7748 §6.1).
    const zero = { ...config, kemId: KEM_X25519, publicKey: new Uint8Array(32) };
    const toZero = async () =>
      sealWholeRequest(provider, await importRecipient(provider, zero, SUITE), encodeUtf8('secret'));
    expect(await asyncErrorCode(toZero)).toBe('invalid_key_config');
  });

  test('an encapsulated secret of small order is refused like any other that does not open', async () => {
    const { recipient, findKey } = await makePair(provider, SUITE);
    const { body } = await sealWholeRequest(provider, recipient, encodeUtf8('x'));
    const changed = body.slice();
    changed.fill(0, 7, 39);
    expect(await asyncErrorCode(() => openWholeRequest(provider, findKey, changed))).toBe('decryption_failed');
  });
});

test('a request and a response cut at any byte or changed in any bit are refused', async () => {
  const sealed = await sealWholeRequest(nodeHpke, pair.recipient, encodeUtf8('question'));
  const opened = await openWholeRequest(nodeHpke, pair.findKey, sealed.body);
  const response = await opened.sealResponse(encodeUtf8('answer'));
  const directions = [
    [sealed.body, (body: Uint8Array) => openWholeRequest(nodeHpke, pair.findKey, body)],
    [response, (body: Uint8Array) => sealed.openResponse(body)],
  ] as const;
  for (const [body, open] of directions) {
    for (let length = 0; length < body.length; length++) {
      expect(await asyncErrorCode(() => open(body.subarray(0, length)))).toMatch(/_truncated$|^decryption_failed$/);
    }
    for (let bit = 0; bit < body.length * 8; bit++) {
      const changed = body.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await asyncErrorCode(() => open(changed))).toMatch(/^(unknown_key_id|decryption_failed)$/);
    }
  }
});

test('rubbish is refused with a typed error', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (body) => {
      expect(await asyncErrorCode(() => openWholeRequest(nodeHpke, pair.findKey, body))).not.toBe('decoded');
    }),
  );
});
