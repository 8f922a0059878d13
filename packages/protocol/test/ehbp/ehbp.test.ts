import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts';
import {
  EHBP_SUITE,
  encodeEhbpKeyConfig,
  type FrameOpener,
  openEhbpRequest,
  openEhbpResponse,
  parseEhbpKeyConfig,
  parseRecoveryToken,
  type ResponseSecret,
  sealEhbpRequest,
  serializeRecoveryToken,
} from '../../src/ehbp/index.ts';
import { deriveEhbpResponseKey } from '../../src/ehbp/response-key.ts';
import type { HpkeKeyPair, HpkeProvider } from '../../src/hpke/index.ts';
import { nodeHpke } from '../../src/node/index.ts';
import { encodeKeyConfig } from '../../src/ohttp/index.ts';
import { asyncErrorCode, errorCode } from '../error-code.ts';
import { bytes, hex } from '../hex.ts';
import { PROVIDERS } from '../hpke/providers.ts';
import { withSharedVectors } from '../shared-folder.ts';

async function pump(opener: FrameOpener, body: Uint8Array, size = Number.POSITIVE_INFINITY): Promise<void> {
  const step = Math.min(size, Math.max(body.length, 1));
  for (let offset = 0; offset < body.length; offset += step) await opener.push(body.slice(offset, offset + step));
  opener.finish();
}

async function openBody(provider: HpkeProvider, keyPair: HpkeKeyPair, key: string, body: Uint8Array, size?: number) {
  const frames: Uint8Array[] = [];
  const request = await openEhbpRequest(provider, keyPair, key, (frame) => void frames.push(frame.slice()));
  await pump(request.opener, body, size);
  return { request, body: concatBytes(...frames) };
}

async function openAnswer(
  provider: HpkeProvider,
  secret: ResponseSecret,
  nonce: string | null,
  body: Uint8Array,
  size?: number,
) {
  const frames: Uint8Array[] = [];
  await pump(await openEhbpResponse(provider, secret, nonce, (frame) => void frames.push(frame.slice())), body, size);
  return concatBytes(...frames);
}

interface Secrets {
  readonly exportedSecret: string;
  readonly requestEnc: string;
  readonly responseNonce: string;
}

withSharedVectors<{ vector: Secrets & { plaintext: string; encryptedResponse: string } }>(
  'ehbp/response-decryption.json',
  ({ vector }) => {
    const secret = { exportedSecret: bytes(vector.exportedSecret), requestEnc: bytes(vector.requestEnc) };

    test("seals EHBP's published response to the byte", async () => {
      const key = await deriveEhbpResponseKey(nodeHpke, secret, bytes(vector.responseNonce));
      const sealed = await key.seal(bytes(vector.plaintext), new Uint8Array(0));
      expect(hex(sealed)).toBe(vector.encryptedResponse.slice(8));
    });
  },
);

withSharedVectors<{ vector: Secrets & { derivedKey: string; derivedNonceBase: string } }>(
  'ehbp/derive.json',
  ({ vector }) => {
    test.each(PROVIDERS)("%s derives EHBP's published key and nonce", async (_name, provider) => {
      const secret = { exportedSecret: bytes(vector.exportedSecret), requestEnc: bytes(vector.requestEnc) };
      const derived = await deriveEhbpResponseKey(provider, secret, bytes(vector.responseNonce));
      const published = await provider.importAeadKey(EHBP_SUITE.aeadId, bytes(vector.derivedKey));
      const plaintext = encodeUtf8('x');
      const expected = await published.seal(bytes(vector.derivedNonceBase), plaintext, new Uint8Array(0));
      expect(await derived.seal(plaintext, new Uint8Array(0))).toEqual(expected);
    });
  },
);

withSharedVectors<{ vector: Pick<Secrets, 'exportedSecret' | 'requestEnc'> }>(
  'ehbp/session-recovery-token.json',
  ({ vector }) => {
    test("reads and writes EHBP's published recovery token", () => {
      const token = parseRecoveryToken(JSON.stringify(vector));
      expect(hex(token.exportedSecret)).toBe(vector.exportedSecret);
      expect(JSON.parse(serializeRecoveryToken(token))).toEqual(vector);
    });
  },
);

describe.each(PROVIDERS)('%s', (_name, provider) => {
  test('a request and its response open, byte by byte', async () => {
    const keyPair = await provider.generateKeyPair(EHBP_SUITE.kemId);
    const sealed = await sealEhbpRequest(provider, parseEhbpKeyConfig(encodeEhbpKeyConfig(keyPair.publicKey)));
    const body = concatBytes(
      await sealed.sealer.seal(encodeUtf8('que')),
      await sealed.sealer.seal(encodeUtf8('stion')),
    );
    const opened = await openBody(provider, keyPair, sealed.encapsulatedKey, body, 1);
    expect(opened.body).toEqual(encodeUtf8('question'));
    const answer = await opened.request.sealResponse();
    expect(answer.responseNonce).toMatch(/^[0-9a-f]{64}$/);
    const answered = concatBytes(
      await answer.sealer.seal(encodeUtf8('ans')),
      await answer.sealer.seal(encodeUtf8('wer')),
    );
    expect(await openAnswer(provider, sealed.responseSecret, answer.responseNonce, answered, 1)).toEqual(
      encodeUtf8('answer'),
    );
  });
});

describe('the key configuration', () => {
  test('is 41 bytes: id 0, X25519, the key, one suite', () => {
    const encoded = encodeEhbpKeyConfig(new Uint8Array(32).fill(7));
    expect(hex(encoded)).toBe(`000020${'07'.repeat(32)}000400010002`);
  });

  test('of another KEM or suite is refused', () => {
    const hybrid = encodeKeyConfig({ keyId: 0, kemId: 0x647a, publicKey: new Uint8Array(1216), suites: [EHBP_SUITE] });
    const aes128 = encodeKeyConfig({
      keyId: 0,
      kemId: 0x20,
      publicKey: new Uint8Array(32),
      suites: [{ kdfId: 1, aeadId: 1 }],
    });
    expect(errorCode(() => parseEhbpKeyConfig(hybrid))).toBe('unsupported_key_config');
    expect(errorCode(() => parseEhbpKeyConfig(aes128))).toBe('unsupported_key_config');
    expect(errorCode(() => parseEhbpKeyConfig(encodeEhbpKeyConfig(new Uint8Array(32)).subarray(0, 40)))).toBe(
      'invalid_key_config',
    );
  });
});

describe('refuses', () => {
  let keyPair: HpkeKeyPair;
  let key: string;
  let frames: readonly Uint8Array[];
  let secret: ResponseSecret;
  let nonce: string;
  let answer: readonly Uint8Array[];

  beforeAll(async () => {
    keyPair = await nodeHpke.generateKeyPair(EHBP_SUITE.kemId);
    const sealed = await sealEhbpRequest(nodeHpke, keyPair.publicKey);
    key = sealed.encapsulatedKey;
    secret = sealed.responseSecret;
    frames = [await sealed.sealer.seal(encodeUtf8('one')), await sealed.sealer.seal(encodeUtf8('two'))];
    const { request } = await openBody(nodeHpke, keyPair, key, concatBytes(...frames));
    const response = await request.sealResponse();
    nonce = response.responseNonce;
    answer = [await response.sealer.seal(encodeUtf8('uno')), await response.sealer.seal(encodeUtf8('due'))];
  });

  const requestCode = (body: Uint8Array) => asyncErrorCode(() => openBody(nodeHpke, keyPair, key, body));
  const answerCode = (body: Uint8Array) => asyncErrorCode(() => openAnswer(nodeHpke, secret, nonce, body));

  test.each([
    ['upper case', () => key.toUpperCase().replace(/^./, 'A')],
    ['one digit short', () => key.slice(1)],
    ['two values joined', () => `${key}, ${key}`],
    ['nothing', () => ''],
  ])('an encapsulated key that is %s', async (_what, value) => {
    expect(await asyncErrorCode(() => openBody(nodeHpke, keyPair, value(), frames[0] ?? new Uint8Array(0)))).toBe(
      'invalid_message',
    );
  });

  test('a request under a stale key, and one whose key HPKE refuses, asking for the key to be fetched again', async () => {
    const other = await nodeHpke.generateKeyPair(EHBP_SUITE.kemId);
    expect(await asyncErrorCode(() => openBody(nodeHpke, other, key, concatBytes(...frames)))).toBe(
      'key_config_mismatch',
    );
    expect(await asyncErrorCode(() => openBody(nodeHpke, keyPair, '00'.repeat(32), new Uint8Array(0)))).toBe(
      'key_config_mismatch',
    );
  });

  test('a later frame that does not open, as a failure to decrypt', async () => {
    const [one, two] = frames;
    if (one === undefined || two === undefined) throw new Error('no frames');
    expect(await requestCode(concatBytes(one, one))).toBe('decryption_failed');
    expect(await requestCode(concatBytes(two, one))).toBe('key_config_mismatch');
  });

  test('frames that are reordered, repeated or left out of the middle of a response', async () => {
    const [one, two] = answer;
    if (one === undefined || two === undefined) throw new Error('no frames');
    for (const order of [[two, one], [one, one], [two]]) {
      expect(await answerCode(concatBytes(...order))).toBe('decryption_failed');
    }
  });

  test('a body cut inside a frame, and not one cut between frames, which EHBP cannot tell', async () => {
    const [one = new Uint8Array(0)] = answer;
    const whole = concatBytes(...answer);
    for (let length = 0; length < whole.length; length++) {
      const expected = length === 0 || length === one.length ? 'decoded' : 'response_truncated';
      expect(await answerCode(whole.subarray(0, length))).toBe(expected);
    }
    expect(await requestCode(concatBytes(...frames).subarray(0, 9))).toBe('request_truncated');
  });

  test('a frame longer than the limit, by its length alone', async () => {
    const length = Uint8Array.of(0xff, 0xff, 0xff, 0xff);
    expect(await requestCode(length)).toBe('chunk_too_large');
    expect(await answerCode(length)).toBe('chunk_too_large');
    const opener = (await openEhbpRequest(nodeHpke, keyPair, key, () => {}, { maxFrameBytes: 18 })).opener;
    expect(errorCode(() => opener.push(frames[0] ?? length))).toBe('chunk_too_large');
  });

  test('a frame shorter than its tag', async () => {
    expect(await requestCode(Uint8Array.of(0, 0, 0, 15))).toBe('invalid_message');
    expect(await answerCode(Uint8Array.of(0, 0, 0, 1))).toBe('invalid_response');
  });

  test('an answer without a nonce, and one whose nonce is none', async () => {
    expect(await asyncErrorCode(() => openAnswer(nodeHpke, secret, null, concatBytes(...answer)))).toBe(
      'response_not_authentic',
    );
    expect(await asyncErrorCode(() => openAnswer(nodeHpke, secret, 'ab', concatBytes(...answer)))).toBe(
      'invalid_response',
    );
  });

  test('an answer whose nonce or any bit has been changed', async () => {
    const other = nonce.startsWith('0') ? `1${nonce.slice(1)}` : `0${nonce.slice(1)}`;
    expect(await asyncErrorCode(() => openAnswer(nodeHpke, secret, other, concatBytes(...answer)))).toBe(
      'decryption_failed',
    );
    const whole = concatBytes(...answer);
    for (let bit = 0; bit < whole.length * 8; bit++) {
      const changed = whole.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(await answerCode(changed)).toMatch(
        /^(decryption_failed|response_truncated|chunk_too_large|invalid_response)$/,
      );
    }
  });

  test('bytes after the end or a failure, and a recovery token that is none', async () => {
    const { opener } = await openEhbpRequest(nodeHpke, keyPair, key, () => {});
    opener.finish();
    expect(errorCode(() => opener.push(new Uint8Array(1)))).toBe('message_finished');
    for (const token of ['', '[]', 'null', '{"exportedSecret":"00"}', '{"exportedSecret":1,"requestEnc":2}']) {
      expect(errorCode(() => parseRecoveryToken(token))).toBe('invalid_option');
    }
  });

  test('a public key of small order', async () => {
    expect(await asyncErrorCode(() => sealEhbpRequest(nodeHpke, new Uint8Array(32)))).toBe('invalid_key_config');
  });

  test('rubbish, with a typed error or as an empty body', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 100 }), async (body) => void (await requestCode(body))),
    );
  });

  test('nothing of empty frames: they are skipped', async () => {
    const zero = new Uint8Array(4);
    const [one = zero, two = zero] = frames;
    const opened = await openBody(nodeHpke, keyPair, key, concatBytes(zero, one, zero, zero, two, zero), 3);
    expect(opened.body).toEqual(encodeUtf8('onetwo'));
  });
});
