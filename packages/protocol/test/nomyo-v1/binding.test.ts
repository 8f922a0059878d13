import { createHmac, hkdfSync } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeHex } from '../../src/bytes.ts';
import { nodeCrypto } from '../../src/node/node-crypto.ts';
import {
  type BoundFields,
  checkBinding,
  makeBinding,
  responseMac,
  verifyResponseMac,
} from '../../src/nomyo-v1/binding.ts';
import { fingerprint } from '../../src/nomyo-v1/rsa-key.ts';
import { CRYPTO_PROVIDERS } from '../crypto-providers.ts';
import { thrownBy } from '../thrown.ts';
import { shortKeyPair } from './test-keys.ts';

const NOW = 1_700_000_000_000;
const WINDOW = 300_000;
let fields: BoundFields;
let strangersKey: BoundFields['clientKey'];
beforeAll(async () => {
  const [mine, strangers] = await Promise.all([shortKeyPair(), shortKeyPair()]);
  fields = { payloadId: 'id-1', clientKey: mine.publicKey, tier: 'high', nowMs: NOW };
  strangersKey = strangers.publicKey;
});

const check = (binding: unknown, arrived: BoundFields) => checkBinding(nodeCrypto, binding, arrived, WINDOW);

describe('a binding', () => {
  test('names version, time, payload id, key and tier', async () => {
    expect(await makeBinding(nodeCrypto, fields)).toEqual({
      v: 1,
      ts: NOW / 1000,
      payload_id: 'id-1',
      client_key: await fingerprint(nodeCrypto, fields.clientKey),
      tier: 'high',
    });
  });

  test('holds for the headers it was made of', async () => {
    await check(await makeBinding(nodeCrypto, fields), fields);
    const untiered = { ...fields, tier: null };
    await check(await makeBinding(nodeCrypto, untiered), untiered);
    const { tier: _absent, ...withoutTier } = await makeBinding(nodeCrypto, untiered);
    await check(withoutTier, untiered);
  });

  test('gives away a swapped key, a changed id, and a tier raised, lowered, added or taken away', async () => {
    const binding = await makeBinding(nodeCrypto, fields);
    const tampered: BoundFields[] = [
      { ...fields, clientKey: strangersKey },
      { ...fields, payloadId: 'id-2' },
      { ...fields, tier: 'standard' },
      { ...fields, tier: 'maximum' },
      { ...fields, tier: null },
    ];
    for (const arrived of tampered) {
      expect(await thrownBy(() => check(binding, arrived))).toMatchObject({ status: 400, code: 'binding_mismatch' });
    }
    const untiered = await makeBinding(nodeCrypto, { ...fields, tier: null });
    expect(await thrownBy(() => check(untiered, fields))).toMatchObject({ code: 'binding_mismatch' });
  });

  test('of an unknown form is a mismatch', async () => {
    const good = await makeBinding(nodeCrypto, fields);
    const forms = [null, 'x', 5, [], {}, { ...good, v: 2 }, { ...good, v: '1' }, { ...good, ts: String(good.ts) }];
    for (const form of [...forms, { ...good, client_key: good.client_key.toUpperCase() }, { ...good, payload_id: 1 }]) {
      expect(await thrownBy(() => check(form, fields))).toMatchObject({ code: 'binding_mismatch' });
    }
  });

  test('holds for the window either way and not a second longer', async () => {
    const binding = await makeBinding(nodeCrypto, fields);
    for (const offset of [-WINDOW, 0, WINDOW]) await check(binding, { ...fields, nowMs: NOW + offset });
    for (const offset of [-WINDOW - 1, WINDOW + 1]) {
      const error = await thrownBy(() => check(binding, { ...fields, nowMs: NOW + offset }));
      expect(error).toMatchObject({ status: 400, code: 'replayed_request' });
    }
    for (const ts of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 0, -1]) {
      expect(await thrownBy(() => check({ ...binding, ts }, fields))).toMatchObject({ code: 'replayed_request' });
    }
  });
});

describe.each(CRYPTO_PROVIDERS)("an answer's MAC computed with %s", (_name, provider) => {
  const contentKey = new Uint8Array(32).fill(3);
  const answer = { nonce: new Uint8Array(12).fill(1), sealed: new Uint8Array(40).fill(2) };

  test('is HMAC-SHA-256 over nonce ‖ ciphertext ‖ tag under the derived key', async () => {
    const info = 'sotto nomyo-v1 response mac';
    const key = Buffer.from(hkdfSync('sha256', contentKey, new Uint8Array(0), info, 32));
    const expected = createHmac('sha256', key).update(answer.nonce).update(answer.sealed).digest('hex');
    expect(encodeHex(await responseMac(provider, contentKey, answer))).toBe(expected);
  });

  test('verifies for the answer it was made of and for no other', async () => {
    const mac = await responseMac(provider, contentKey, answer);
    expect(await verifyResponseMac(provider, contentKey, answer, mac)).toBe(true);
    const turned = mac.map((byte, index) => (index === 31 ? byte ^ 1 : byte));
    for (const wrong of [null, new Uint8Array(0), mac.subarray(0, 31), turned]) {
      expect(await verifyResponseMac(provider, contentKey, answer, wrong)).toBe(false);
    }
    const others = [
      { ...answer, nonce: new Uint8Array(12) },
      { ...answer, sealed: answer.sealed.subarray(0, 39) },
    ];
    for (const other of others) expect(await verifyResponseMac(provider, contentKey, other, mac)).toBe(false);
    expect(await verifyResponseMac(provider, new Uint8Array(32), answer, mac)).toBe(false);
  });
});
