import fc from 'fast-check';
import forge from 'node-forge';
import { beforeAll, describe, expect, test } from 'vitest';
import { encodeHex, encodeUtf8 } from '../../src/bytes.ts';
import type { CryptoProvider } from '../../src/crypto-provider.ts';
import { nodeCrypto } from '../../src/node/node-crypto.ts';
import { MAX_PAYLOAD_BYTES } from '../../src/nomyo-v1/envelope.ts';
import { openRequest, receiveRequest, sealRequest } from '../../src/nomyo-v1/request.ts';
import type { RsaKeyPair } from '../../src/nomyo-v1/rsa-key.ts';
import { CRYPTO_PROVIDERS } from '../crypto-providers.ts';
import { thrownBy } from '../thrown.ts';
import { type EnvelopeJson, membersOf, shortKeyPair, withTagAppended } from './test-keys.ts';

let server: RsaKeyPair;
let stranger: RsaKeyPair;
beforeAll(async () => {
  [server, stranger] = await Promise.all([shortKeyPair(), shortKeyPair()]);
});

const PAYLOAD = { model: 'm', messages: [{ role: 'user', content: 'hello ü' }] };

async function open(provider: CryptoProvider, members: EnvelopeJson): Promise<unknown> {
  const received = await receiveRequest(provider, server.privateKey, encodeUtf8(JSON.stringify(members)));
  const opened = await openRequest(provider, server.privateKey, received.envelope);
  return JSON.parse(new TextDecoder().decode(opened.plaintext));
}

/** The error's every property that a peer could see. */
const visible = (error: unknown): string => {
  const { name, message, ...rest } = error as Error & Record<string, unknown>;
  return JSON.stringify({ name, message, ...rest });
};

describe.each(CRYPTO_PROVIDERS)('a request sealed and opened with %s', (_name, provider) => {
  test('opens to the payload it was made of, in both forms of the tag', async () => {
    const { body } = await sealRequest(provider, server.publicKey, PAYLOAD);
    expect(await open(provider, membersOf(body))).toEqual(PAYLOAD);
    expect(await open(provider, withTagAppended(membersOf(body)))).toEqual(PAYLOAD);
  });

  test('opens with node-forge', async () => {
    const { body, contentKey } = await sealRequest(provider, server.publicKey, PAYLOAD);
    const { encrypted_payload: sealed, encrypted_aes_key: wrapped } = membersOf(body);
    const pkcs8 = forge.asn1.fromDer(Buffer.from(server.pkcs8).toString('binary'));
    const privateKey = forge.pki.privateKeyFromAsn1(pkcs8);
    const md = forge.md.sha256.create();
    const key = privateKey.decrypt(forge.util.decode64(wrapped), 'RSA-OAEP', { md, mgf1: { md } });
    expect(forge.util.bytesToHex(key)).toBe(encodeHex(contentKey));
    const decipher = forge.cipher.createDecipher('AES-GCM', key);
    const tag = forge.util.createBuffer(forge.util.decode64(sealed.tag ?? ''));
    decipher.start({ iv: forge.util.decode64(sealed.nonce), tagLength: 128, tag });
    decipher.update(forge.util.createBuffer(forge.util.decode64(sealed.ciphertext)));
    expect(decipher.finish()).toBe(true);
    expect(JSON.parse(forge.util.decodeUtf8(decipher.output.getBytes()))).toEqual(PAYLOAD);
  });

  test('holds whatever JSON there is', async () => {
    const property = fc.asyncProperty(fc.dictionary(fc.string(), fc.jsonValue()), async (payload) => {
      const expected: unknown = JSON.parse(JSON.stringify(payload));
      const { body } = await sealRequest(provider, server.publicKey, payload);
      expect(await open(provider, membersOf(body))).toEqual(expected);
    });
    await fc.assert(property, { numRuns: 25 });
  });

  test('is sealed anew each time: key, nonce and ciphertext never come twice', async () => {
    const bodies = await Promise.all([1, 2, 3].map(() => sealRequest(provider, server.publicKey, PAYLOAD)));
    const seen = bodies.flatMap(({ body, contentKey }) => {
      const { encrypted_payload: sealed, encrypted_aes_key: wrapped } = membersOf(body);
      return [encodeHex(contentKey), wrapped, sealed.nonce, sealed.ciphertext];
    });
    expect(new Set(seen).size).toBe(seen.length);
  });

  test('fails with one error and one text, whatever is wrong with its secrets', async () => {
    const good = membersOf((await sealRequest(provider, server.publicKey, PAYLOAD)).body);
    const foreign = membersOf((await sealRequest(provider, stranger.publicKey, PAYLOAD)).body);
    const short = await server.publicKey.encrypt(new Uint8Array(16));
    const long = await server.publicKey.encrypt(new Uint8Array(33));
    const wrappedAs = (bytes: Uint8Array): EnvelopeJson => ({
      ...good,
      encrypted_aes_key: nodeCrypto.encodeBase64(bytes),
    });
    const other = membersOf((await sealRequest(provider, server.publicKey, PAYLOAD)).body);
    const forged = [
      foreign,
      wrappedAs(short),
      wrappedAs(long),
      wrappedAs(new Uint8Array(256)),
      wrappedAs(new Uint8Array(256).fill(0xff)),
      { ...good, encrypted_aes_key: other.encrypted_aes_key },
      { ...good, encrypted_payload: { ...good.encrypted_payload, nonce: other.encrypted_payload.nonce } },
      { ...good, encrypted_payload: { ...good.encrypted_payload, tag: other.encrypted_payload.tag ?? '' } },
    ];
    const errors = await Promise.all(forged.map((members) => thrownBy(() => open(provider, members))));
    expect(errors[0]).toMatchObject({ status: 400, code: 'decryption_failed', param: null });
    expect(errors[0]).not.toHaveProperty('cause');
    expect(new Set(errors.map(visible)).size).toBe(1);
  });

  test('is refused where any single bit of any member is turned', async () => {
    const good = membersOf((await sealRequest(provider, server.publicKey, PAYLOAD)).body);
    const flip = (text: string, bit: number): string => {
      const bytes = Buffer.from(text, 'base64');
      const at = bit % (bytes.length * 8);
      bytes[at >> 3] = (bytes[at >> 3] ?? 0) ^ (1 << (at & 7));
      return bytes.toString('base64');
    };
    const member = fc.constantFrom('ciphertext', 'nonce', 'tag', 'encrypted_aes_key');
    const property = fc.asyncProperty(member, fc.nat(100_000), async (name, bit) => {
      const sealed = good.encrypted_payload;
      const forged =
        name === 'encrypted_aes_key'
          ? { ...good, encrypted_aes_key: flip(good.encrypted_aes_key, bit) }
          : { ...good, encrypted_payload: { ...sealed, [name]: flip(String(sealed[name]), bit) } };
      expect(await thrownBy(() => open(provider, forged))).toMatchObject({ code: 'decryption_failed' });
    });
    await fc.assert(property, { numRuns: 60 });
  });
});

describe('a request', () => {
  test('whose wrapped key has another length than the modulus is refused before any RSA', async () => {
    const good = membersOf((await sealRequest(nodeCrypto, server.publicKey, PAYLOAD)).body);
    for (const length of [0, 255, 257, 512]) {
      const members = { ...good, encrypted_aes_key: Buffer.alloc(length).toString('base64') };
      const error = await thrownBy(() => open(nodeCrypto, members));
      expect(error).toMatchObject({ status: 400, code: 'invalid_envelope', param: 'encrypted_aes_key' });
    }
  });

  test('has an id that the same wrapped key always has, and no other', async () => {
    const idOf = async (members: EnvelopeJson): Promise<string> => {
      const body = encodeUtf8(JSON.stringify(members));
      return encodeHex((await receiveRequest(nodeCrypto, server.privateKey, body)).replayId);
    };
    const first = membersOf((await sealRequest(nodeCrypto, server.publicKey, PAYLOAD)).body);
    const second = membersOf((await sealRequest(nodeCrypto, server.publicKey, PAYLOAD)).body);
    expect(await idOf({ extra: 1, ...first })).toBe(await idOf(withTagAppended(first)));
    expect(await idOf(first)).not.toBe(await idOf(second));
  });

  test('of more than 10 MiB is refused where it is made', async () => {
    const overhead = JSON.stringify({ text: '' }).length;
    const sized = (length: number) => ({ text: 'a'.repeat(length - overhead) });
    const { body } = await sealRequest(nodeCrypto, server.publicKey, sized(MAX_PAYLOAD_BYTES));
    expect(body.length).toBeGreaterThan(MAX_PAYLOAD_BYTES);
    const error = await thrownBy(() => sealRequest(nodeCrypto, server.publicKey, sized(MAX_PAYLOAD_BYTES + 1)));
    expect(error).toMatchObject({ status: 413, code: 'payload_too_large' });
  });

  test('is never sent in clear because sealing it failed', async () => {
    const broken = { ...server.publicKey, encrypt: () => Promise.reject(new Error('no RSA today')) };
    expect(await thrownBy(() => sealRequest(nodeCrypto, broken, PAYLOAD))).toBeInstanceOf(Error);
  });
});
