import { describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import { nodeCrypto } from '../../src/node/node-crypto.ts';
import {
  MAX_ENVELOPE_BYTES,
  MAX_PAYLOAD_BYTES,
  parseEnvelope,
  parseResponseEnvelope,
  serializeEnvelope,
} from '../../src/nomyo-v1/envelope.ts';
import { CRYPTO_PROVIDERS } from '../crypto-providers.ts';
import { thrownBy } from '../thrown.ts';
import { type EnvelopeJson, membersOf, withTagAppended } from './test-keys.ts';

const base64 = (length: number): string => Buffer.alloc(length, 5).toString('base64');
const ENVELOPE = {
  wrappedKey: new Uint8Array(256).fill(1),
  nonce: new Uint8Array(12).fill(2),
  sealed: new Uint8Array(40).fill(3),
  tagStyle: 'separate',
} as const;
const GOOD = membersOf(serializeEnvelope(nodeCrypto, ENVELOPE));
const body = (members: unknown): Uint8Array => encodeUtf8(JSON.stringify(members));
const payload = (change: Record<string, unknown>): EnvelopeJson => ({
  ...GOOD,
  encrypted_payload: { ...GOOD.encrypted_payload, ...change },
});

const REFUSED: readonly (readonly [string, Uint8Array, string])[] = [
  ['empty', encodeUtf8(''), 'invalid_envelope'],
  ['not JSON', encodeUtf8('{"version":'), 'invalid_envelope'],
  ['JSON with a byte order mark', encodeUtf8(`\ufeff${JSON.stringify(GOOD)}`), 'invalid_envelope'],
  ['JSON in UTF-16', new Uint8Array(Buffer.from(JSON.stringify(GOOD), 'utf16le')), 'invalid_envelope'],
  ['not UTF-8', Uint8Array.of(0x7b, 0xff, 0x7d), 'invalid_envelope'],
  ['null', body(null), 'invalid_envelope'],
  ['an array', body([GOOD]), 'invalid_envelope'],
  ['a string', body('x'), 'invalid_envelope'],
  ['a hundred thousand brackets', encodeUtf8('['.repeat(100_000)), 'invalid_envelope'],
  ['without a version', body({ ...GOOD, version: undefined }), 'unsupported_version'],
  ['of version 2.0', body({ ...GOOD, version: '2.0' }), 'unsupported_version'],
  ['of version 1 as a number', body({ ...GOOD, version: 1 }), 'unsupported_version'],
  ['of an unknown algorithm', body({ ...GOOD, algorithm: 'none' }), 'unsupported_algorithm'],
  ['without an algorithm', body({ ...GOOD, algorithm: undefined }), 'unsupported_algorithm'],
  ['of an older key algorithm', body({ ...GOOD, key_algorithm: 'RSA1_5' }), 'unsupported_algorithm'],
  ['of another payload algorithm', body({ ...GOOD, payload_algorithm: 'AES-128-GCM' }), 'unsupported_algorithm'],
  ['without a payload', body({ ...GOOD, encrypted_payload: undefined }), 'invalid_envelope'],
  ['with a payload that is a string', body({ ...GOOD, encrypted_payload: 'x' }), 'invalid_envelope'],
  ['with a payload that is an array', body({ ...GOOD, encrypted_payload: [] }), 'invalid_envelope'],
  ['without a wrapped key', body({ ...GOOD, encrypted_aes_key: undefined }), 'invalid_envelope'],
  ['with a wrapped key that is null', body({ ...GOOD, encrypted_aes_key: null }), 'invalid_envelope'],
  ['with a wrapped key in the base64 of URLs', body({ ...GOOD, encrypted_aes_key: '-_-_' }), 'invalid_envelope'],
  ['with a space in its base64', body({ ...GOOD, encrypted_aes_key: 'AQ ID' }), 'invalid_envelope'],
  ['without a ciphertext', body(payload({ ciphertext: undefined })), 'invalid_envelope'],
  ['with a ciphertext that is no base64', body(payload({ ciphertext: '!' })), 'invalid_envelope'],
  ['without a nonce', body(payload({ nonce: undefined })), 'invalid_envelope'],
  ['with an empty nonce', body(payload({ nonce: '' })), 'invalid_envelope'],
  ['with a nonce of 11 bytes', body(payload({ nonce: base64(11) })), 'invalid_envelope'],
  ['with a nonce of 16 bytes', body(payload({ nonce: base64(16) })), 'invalid_envelope'],
  ['with a tag of 4 bytes', body(payload({ tag: base64(4) })), 'invalid_envelope'],
  ['with a tag of 15 bytes', body(payload({ tag: base64(15) })), 'invalid_envelope'],
  ['with a tag of 17 bytes', body(payload({ tag: base64(17) })), 'invalid_envelope'],
  ['with an empty tag', body(payload({ tag: '' })), 'invalid_envelope'],
  ['with a tag that is null', body(payload({ tag: null })), 'invalid_envelope'],
  ['with a tag that is no base64', body(payload({ tag: '====' })), 'invalid_envelope'],
  [
    'without a tag, its ciphertext too short for one',
    body(payload({ tag: undefined, ciphertext: base64(15) })),
    'invalid_envelope',
  ],
];

describe.each(CRYPTO_PROVIDERS)('an envelope read with %s', (_name, provider) => {
  test('is read back as it was written, in both forms', () => {
    for (const members of [GOOD, withTagAppended(GOOD)]) {
      const envelope = parseEnvelope(provider, body(members));
      expect(envelope.tagStyle).toBe(members === GOOD ? 'separate' : 'appended');
      expect(Array.from(envelope.wrappedKey)).toEqual(Array.from(ENVELOPE.wrappedKey));
      expect(Array.from(envelope.nonce)).toEqual(Array.from(ENVELOPE.nonce));
      expect(Array.from(envelope.sealed)).toEqual(Array.from(ENVELOPE.sealed));
    }
  });

  test.each(REFUSED)('is refused where it is %s', async (_what, bytes, code) => {
    expect(await thrownBy(() => parseEnvelope(provider, bytes))).toMatchObject({ status: 400, code });
    expect(await thrownBy(() => parseResponseEnvelope(provider, bytes))).toMatchObject({ code });
  });

  test('may have members that nobody knows: they are ignored', () => {
    const members = { ...payload({ aad: 'x', toString: 1 }), payload_id: 'x', __proto__x: {}, constructor: null };
    expect(parseEnvelope(provider, body(members)).tagStyle).toBe('separate');
  });

  test('holds a sealed empty payload', () => {
    expect(parseEnvelope(provider, body(payload({ ciphertext: '' }))).sealed).toHaveLength(16);
  });
});

describe('the size of an envelope', () => {
  const sealedOf = (length: number): Uint8Array =>
    encodeUtf8(serializeEnvelope(nodeCrypto, { ...ENVELOPE, sealed: new Uint8Array(length + 16) }));

  test('has room for a payload of exactly 10 MiB', () => {
    const bytes = sealedOf(MAX_PAYLOAD_BYTES);
    expect(bytes.length).toBeLessThan(MAX_ENVELOPE_BYTES);
    expect(parseEnvelope(nodeCrypto, bytes).sealed).toHaveLength(MAX_PAYLOAD_BYTES + 16);
  });

  test('has no room for one byte more, in either form', async () => {
    const refusal = { status: 413, code: 'payload_too_large' };
    expect(await thrownBy(() => parseEnvelope(nodeCrypto, sealedOf(MAX_PAYLOAD_BYTES + 1)))).toMatchObject(refusal);
    const appended = { ...ENVELOPE, tagStyle: 'appended', sealed: new Uint8Array(MAX_PAYLOAD_BYTES + 17) } as const;
    const bytes = encodeUtf8(serializeEnvelope(nodeCrypto, appended));
    expect(await thrownBy(() => parseEnvelope(nodeCrypto, bytes))).toMatchObject(refusal);
  });

  test('is checked before its JSON is read', async () => {
    const bytes = new Uint8Array(MAX_ENVELOPE_BYTES + 1);
    expect(await thrownBy(() => parseEnvelope(nodeCrypto, bytes))).toMatchObject({ code: 'payload_too_large' });
  });
});

describe("an answer's envelope", () => {
  test('says when it was made and carries the MAC, where they are there', () => {
    const mac = new Uint8Array(32).fill(4);
    const text = serializeEnvelope(nodeCrypto, ENVELOPE, { processedAt: 1_700_000_000, mac });
    const sotto_mac = Buffer.from(mac).toString('base64');
    expect(membersOf(text)).toMatchObject({ processed_at: 1_700_000_000, sotto_mac });
    const envelope = parseResponseEnvelope(nodeCrypto, encodeUtf8(text));
    expect(envelope.processedAt).toBe(1_700_000_000);
    expect(envelope.mac).toHaveLength(32);
    expect(parseResponseEnvelope(nodeCrypto, body(GOOD))).toMatchObject({ processedAt: null, mac: null });
  });

  test('with a time that is no number is read without one', () => {
    expect(parseResponseEnvelope(nodeCrypto, body({ ...GOOD, processed_at: '1' })).processedAt).toBeNull();
  });

  test('with a MAC that is no base64 is refused', async () => {
    for (const mac of ['!', 5, null, {}]) {
      const error = await thrownBy(() => parseResponseEnvelope(nodeCrypto, body({ ...GOOD, sotto_mac: mac })));
      expect(error).toMatchObject({ code: 'invalid_envelope' });
    }
  });
});
