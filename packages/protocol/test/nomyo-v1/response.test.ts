import { beforeAll, describe, expect, test } from 'vitest';
import { encodeUtf8 } from '../../src/bytes.ts';
import { nodeCrypto } from '../../src/node/node-crypto.ts';
import { openResponse, sealResponse } from '../../src/nomyo-v1/response.ts';
import type { RsaKeyPair } from '../../src/nomyo-v1/rsa-key.ts';
import { CRYPTO_PROVIDERS } from '../crypto-providers.ts';
import { thrownBy } from '../thrown.ts';
import { type EnvelopeJson, membersOf, shortKeyPair } from './test-keys.ts';

let client: RsaKeyPair;
let stranger: RsaKeyPair;
beforeAll(async () => {
  [client, stranger] = await Promise.all([shortKeyPair(), shortKeyPair()]);
});

const PLAINTEXT = encodeUtf8('{"answer":42}');
const CONTENT_KEY = new Uint8Array(32).fill(8);
const NOW = 1_700_000_000_500;

function seal(macUnder: Uint8Array | null, plaintext = PLAINTEXT): Promise<string> {
  const options = { clientKey: client.publicKey, tagStyle: 'separate', macUnder, nowMs: NOW } as const;
  return sealResponse(nodeCrypto, plaintext, options);
}

const open = (members: EnvelopeJson | string, macUnder: Uint8Array | null) =>
  openResponse(
    nodeCrypto,
    client.privateKey,
    encodeUtf8(typeof members === 'string' ? members : JSON.stringify(members)),
    macUnder,
  );

describe.each(CRYPTO_PROVIDERS)('an answer sealed and opened with %s', (_name, provider) => {
  test.each(['separate', 'appended'] as const)('opens with its tag %s', async (tagStyle) => {
    for (const macUnder of [null, CONTENT_KEY]) {
      const options = { clientKey: client.publicKey, tagStyle, macUnder, nowMs: NOW };
      const body = await sealResponse(provider, PLAINTEXT, options);
      expect('tag' in membersOf(body).encrypted_payload).toBe(tagStyle === 'separate');
      const opened = await openResponse(provider, client.privateKey, encodeUtf8(body), macUnder);
      expect(new TextDecoder().decode(opened.plaintext)).toBe('{"answer":42}');
      expect(opened).toMatchObject({ processedAt: 1_700_000_000, bound: macUnder !== null });
    }
  });
});

describe('an answer', () => {
  test('that nobody bound opens, and says that anybody may have made it', async () => {
    expect((await open(await seal(null), null)).bound).toBe(false);
    expect((await open(await seal(CONTENT_KEY), null)).bound).toBe(false);
  });

  test('made up by whoever knows the public key is not authentic to a client that bound its request', async () => {
    const forgeries = [await seal(null), await seal(new Uint8Array(32).fill(9))];
    for (const forged of forgeries) {
      const error = await thrownBy(() => open(forged, CONTENT_KEY));
      expect(error).toMatchObject({ name: 'SecurityError', code: 'response_not_authentic' });
    }
  });

  test('re-sealed under the MAC of another is not authentic', async () => {
    const [real, forged] = [membersOf(await seal(CONTENT_KEY)), membersOf(await seal(null))];
    const mac = real['sotto_mac'];
    const spliced = [
      { ...forged, sotto_mac: mac },
      { ...real, sotto_mac: '' },
      { ...real, sotto_mac: String(mac).slice(0, 20) },
      { ...real, encrypted_payload: { ...real.encrypted_payload, nonce: forged.encrypted_payload.nonce } },
      { ...real, encrypted_payload: { ...real.encrypted_payload, tag: forged.encrypted_payload.tag ?? '' } },
    ];
    for (const members of spliced) {
      const error = await thrownBy(() => open(members, CONTENT_KEY));
      expect(['response_not_authentic', 'invalid_response']).toContain((error as { code: string }).code);
    }
  });

  test('whose wrapped key is not ours fails to decrypt, MAC or no MAC', async () => {
    const real = membersOf(await seal(CONTENT_KEY));
    const wrapped = await client.publicKey.encrypt(new Uint8Array(32).fill(1));
    const members = { ...real, encrypted_aes_key: nodeCrypto.encodeBase64(wrapped) };
    for (const macUnder of [CONTENT_KEY, null]) {
      const error = await thrownBy(() => open(members, macUnder));
      expect(error).toMatchObject({ name: 'SecurityError', code: 'decryption_failed' });
    }
  });

  test('sealed to somebody else, or with a bit turned, fails to decrypt with one text', async () => {
    const options = { clientKey: stranger.publicKey, tagStyle: 'separate', macUnder: null, nowMs: NOW } as const;
    const foreign = await sealResponse(nodeCrypto, PLAINTEXT, options);
    const good = membersOf(await seal(null));
    const turned = Buffer.from(good.encrypted_payload.ciphertext, 'base64').map((byte) => byte ^ 1);
    const ciphertext = Buffer.from(turned).toString('base64');
    const errors = [
      await thrownBy(() => open(foreign, null)),
      await thrownBy(() => open({ ...good, encrypted_payload: { ...good.encrypted_payload, ciphertext } }, null)),
    ];
    for (const error of errors) {
      expect(error).toMatchObject({ name: 'SecurityError', code: 'decryption_failed' });
      expect(String(error)).toBe(String(errors[0]));
    }
  });

  test.each([
    ['an error page', '<html>'],
    ['a plain completion', '{"choices":[]}'],
    ['an envelope of another version', '{"version":"3.0"}'],
    ['nothing', ''],
  ])('that is %s is not a sealed answer', async (_what, body) => {
    const error = await thrownBy(() => open(body, null));
    expect(error).toMatchObject({ name: 'SecurityError', code: 'invalid_response' });
  });

  test('behind white space opens: a router sends it to keep a client waiting', async () => {
    const opened = await open(`   \n ${await seal(CONTENT_KEY)}`, CONTENT_KEY);
    expect(opened.bound).toBe(true);
  });

  test('wrapped under a key of another length is refused', async () => {
    const members = { ...membersOf(await seal(null)), encrypted_aes_key: Buffer.alloc(512).toString('base64') };
    expect(await thrownBy(() => open(members, null))).toMatchObject({ code: 'invalid_response' });
  });
});
