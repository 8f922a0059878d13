import { generateKeyPairSync } from 'node:crypto';
import { nodeCrypto } from '@sotto/protocol/node';
import { encodePublicKeyHeader, generateRsaKeyPair, importPublicKeyPem } from '@sotto/protocol/nomyo-v1';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, errorOf, send } from '../../http-client.ts';
import { post, sealFor, type WireRequest } from '../../nomyo-client.ts';
import { chat, type RunningRouter, startRouter, upstreamsAt } from '../../running-router.ts';
import { type StandInUpstream, startStandIn } from '../../stand-in-upstream.ts';

interface Envelope {
  readonly encrypted_payload: { readonly ciphertext: string; readonly nonce: string; readonly tag: string };
  readonly encrypted_aes_key: string;
}

const SECRET = 'the prompt that nobody may see';
const STATUSES = [400, 401, 403, 404, 413, 429, 500, 503];

let upstream: StandInUpstream;
let good: WireRequest;
let envelope: Envelope;
let running: RunningRouter;

beforeAll(async () => {
  upstream = await startStandIn();
});
afterAll(() => upstream.close());

async function start(): Promise<void> {
  running = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
  good = await sealFor(running.url, chat(SECRET));
  envelope = JSON.parse(good.body) as Envelope;
}

/** Posts what `change` makes of a good request, and checks what every refusal of this door has in common. */
async function refusal(change: Partial<WireRequest> | { readonly members: object }): Promise<Answer> {
  const request = 'members' in change ? { ...good, body: JSON.stringify(change.members) } : { ...good, ...change };
  const answer = await post(running.url, request);
  const body = answer.json();
  expect(STATUSES).toContain(answer.status);
  expect(typeof body['detail']).toBe('string');
  expect(Object.keys(body['error'] as object).sort()).toEqual(['code', 'message', 'param', 'type']);
  expect(answer.text).not.toContain(SECRET);
  expect(running.internalErrors).toEqual([]);
  return answer;
}

const payload = (change: object) => ({ ...envelope, encrypted_payload: { ...envelope.encrypted_payload, ...change } });
const bytes = (length: number): string => Buffer.alloc(length, 3).toString('base64');
const flipped = (text: string): string => {
  const turned = Buffer.from(text, 'base64');
  turned[turned.length >> 1] = (turned[turned.length >> 1] ?? 0) ^ 1;
  return turned.toString('base64');
};

describe('an envelope', () => {
  test.each([
    ['not JSON', () => ({ body: '{' }), 'invalid_envelope'],
    ['empty', () => ({ body: '' }), 'invalid_envelope'],
    ['a list', () => ({ members: [] }), 'invalid_envelope'],
    ['a million brackets', () => ({ body: '['.repeat(1_000_000) }), 'invalid_envelope'],
    ['of version 2.0', () => ({ members: { ...envelope, version: '2.0' } }), 'unsupported_version'],
    ['of an unknown algorithm', () => ({ members: { ...envelope, algorithm: 'x' } }), 'unsupported_algorithm'],
    ['of another key algorithm', () => ({ members: { ...envelope, key_algorithm: 'x' } }), 'unsupported_algorithm'],
    ['without its payload', () => ({ members: { ...envelope, encrypted_payload: undefined } }), 'invalid_envelope'],
    ['without its nonce', () => ({ members: payload({ nonce: undefined }) }), 'invalid_envelope'],
    ['with broken base64', () => ({ members: payload({ ciphertext: 'a b' }) }), 'invalid_envelope'],
    ['with a nonce of 16 bytes', () => ({ members: payload({ nonce: bytes(16) }) }), 'invalid_envelope'],
    ['with a tag of 4 bytes', () => ({ members: payload({ tag: bytes(4) }) }), 'invalid_envelope'],
    [
      'with the true tag cut to 4 bytes',
      () => ({ members: payload({ tag: `${envelope.encrypted_payload.tag.slice(0, 5)}A==` }) }),
      'invalid_envelope',
    ],
    [
      'with a wrapped key of 512 bytes',
      () => ({ members: { ...envelope, encrypted_aes_key: bytes(512) } }),
      'invalid_envelope',
    ],
    ['with an empty wrapped key', () => ({ members: { ...envelope, encrypted_aes_key: '' } }), 'invalid_envelope'],
  ])('that is %s is a 400', async (_what, change, code) => {
    await start();
    const answer = await refusal(change());
    expect(answer.status).toBe(400);
    expect(errorOf(answer).code).toBe(code);
  });

  test('that cannot be opened is refused in the same words, whatever is wrong with it', async () => {
    await start();
    const stranger = await generateRsaKeyPair(nodeCrypto, 2_048);
    const pem = (await send(`${running.url}/pki/public_key`)).text;
    const routerKey = await importPublicKeyPem(nodeCrypto, pem);
    const wrap = async (length: number): Promise<string> =>
      Buffer.from(await routerKey.encrypt(new Uint8Array(length).fill(1))).toString('base64');
    const strangers = Buffer.from(await stranger.publicKey.encrypt(new Uint8Array(32))).toString('base64');
    const sealed = envelope.encrypted_payload;
    const forged = [
      { ...envelope, encrypted_aes_key: strangers },
      { ...envelope, encrypted_aes_key: await wrap(32) },
      { ...envelope, encrypted_aes_key: await wrap(16) },
      { ...envelope, encrypted_aes_key: await wrap(190) },
      { ...envelope, encrypted_aes_key: bytes(256) },
      { ...envelope, encrypted_aes_key: flipped(envelope.encrypted_aes_key) },
      payload({ ciphertext: flipped(sealed.ciphertext) }),
      payload({ nonce: flipped(sealed.nonce) }),
      payload({ tag: flipped(sealed.tag) }),
      payload({ tag: undefined }),
      payload({ ciphertext: '' }),
    ];
    const seen = new Set<string>();
    for (const members of forged) {
      const answer = await refusal({ members });
      const { date: _date, 'x-request-id': _id, ...headers } = answer.headers;
      seen.add(JSON.stringify({ status: answer.status, text: answer.text, headers }));
      expect(errorOf(answer).code).toBe('decryption_failed');
    }
    expect(seen.size).toBe(1);
    // None of it was remembered: the good one is not a replay.
    expect((await post(running.url, good)).status).toBe(200);
  });

  test('longer than the longest that can be accepted is a 413 that the client can read', async () => {
    await start();
    const answer = await refusal({ body: `{"x":"${'a'.repeat(14_100_000)}"}` });
    expect(answer.status).toBe(413);
    expect(errorOf(answer).code).toBe('payload_too_large');
  });

  test('whose payload has one byte more than 10 MiB is a 413', async () => {
    await start();
    const answer = await refusal({ members: payload({ ciphertext: bytes(10 * 1024 * 1024 + 1) }) });
    expect(answer.status).toBe(413);
  });
});

describe('a header field', () => {
  const encode = (key: { export(options: { format: 'pem'; type: 'spki' }): string | Buffer }): string =>
    encodePublicKeyHeader(String(key.export({ format: 'pem', type: 'spki' })));
  const rsa = (modulusLength: number, publicExponent = 65_537): string =>
    encode(generateKeyPairSync('rsa', { modulusLength, publicExponent }).publicKey);

  test.each([
    ['X-Public-Key missing', () => ({ 'x-public-key': '' }), 'invalid_public_key'],
    ['X-Public-Key that is no PEM', () => ({ 'x-public-key': 'hello' }), 'invalid_public_key'],
    ['X-Public-Key with a broken escape', () => ({ 'x-public-key': '%2' }), 'invalid_public_key'],
    ['X-Public-Key of 1,024 bits', () => ({ 'x-public-key': rsa(1_024) }), 'invalid_public_key'],
    ['X-Public-Key with exponent 3', () => ({ 'x-public-key': rsa(2_048, 3) }), 'invalid_public_key'],
    [
      'X-Public-Key of Ed25519',
      () => ({ 'x-public-key': encode(generateKeyPairSync('ed25519').publicKey) }),
      'invalid_public_key',
    ],
    [
      'X-Public-Key sent twice',
      () => ({ 'x-public-key': `${good.headers['x-public-key'] ?? ''}, x` }),
      'invalid_public_key',
    ],
    ['X-Payload-ID missing', () => ({ 'x-payload-id': '' }), 'invalid_request'],
    ['X-Payload-ID without end', () => ({ 'x-payload-id': 'x'.repeat(257) }), 'invalid_request'],
    ['a tier nobody knows', () => ({ 'x-security-tier': 'ultra' }), 'invalid_security_tier'],
    ['a tier in capitals', () => ({ 'x-security-tier': 'HIGH' }), 'invalid_security_tier'],
  ])('%s is a 400', async (_what, headers, code) => {
    await start();
    const answer = await refusal({ headers: { ...good.headers, ...headers() } });
    expect(answer.status).toBe(400);
    expect(errorOf(answer).code).toBe(code);
  });
});
