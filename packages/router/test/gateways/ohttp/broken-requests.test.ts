import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRouter, type Router } from '../../../src/index.ts';
import { type StandInUpstream, startStandIn } from '../../stand-in-upstream.ts';
import { varint } from './raw-message.ts';
import {
  chatInput,
  codeOf,
  innerMessage,
  open,
  outerRequest,
  recipientOf,
  type Sealed,
  sealPieces,
} from './sealing-client.ts';

const PREFACE_BYTES = 39;
const FIRST_BYTES = 16;
const TAG_BYTES = 16;
/** One byte of length each: a first and a second chunk of 16 bytes of plaintext. */
const CHUNK_BYTES = 1 + FIRST_BYTES + TAG_BYTES;
const FIRST_END = PREFACE_BYTES + CHUNK_BYTES;
const SECOND_END = FIRST_END + CHUNK_BYTES;

let upstream: StandInUpstream;
let router: Router;
let sealed: Sealed;

beforeAll(async () => {
  upstream = await startStandIn();
  router = await createRouter({
    auth: 'open',
    protocols: ['ohttp'],
    upstreams: [{ name: 'u', baseUrl: upstream.baseUrl, models: ['m'] }],
  });
  const message = innerMessage(chatInput());
  const pieces = [
    message.subarray(0, FIRST_BYTES),
    message.subarray(FIRST_BYTES, 2 * FIRST_BYTES),
    message.subarray(2 * FIRST_BYTES),
  ];
  sealed = await sealPieces(await recipientOf(router.fetch), pieces);
});
afterAll(async () => {
  await router.close();
  await upstream.close();
});

async function outcome(body: Uint8Array): Promise<readonly [outer: number, inner: number, code: unknown]> {
  const answer = await router.fetch(outerRequest(body));
  const inner = await open(sealed, answer);
  return [answer.status, inner.status, codeOf(inner)];
}

function changed(offset: number): Uint8Array {
  const copy = Buffer.from(sealed.body);
  copy[offset] = (copy[offset] ?? 0) ^ 1;
  return copy;
}

const lastStart = (): number => sealed.body.length - TAG_BYTES - 1;

// Never answered by the model: each has been refused before the routes saw it.
describe('a request that breaks after its first chunk is refused inside the ciphertext', () => {
  test('wherever it ends', async () => {
    for (let length = FIRST_END; length < sealed.body.length; length++) {
      expect(await outcome(sealed.body.subarray(0, length)), `${length} bytes`).toEqual([
        200,
        400,
        'request_truncated',
      ]);
    }
    expect(upstream.seen).toEqual([]);
  });

  test('whichever byte of a later ciphertext or tag was changed', async () => {
    for (let offset = FIRST_END + 1; offset < SECOND_END; offset++) {
      expect(await outcome(changed(offset)), `byte ${offset}`).toEqual([200, 400, 'decryption_failed']);
    }
    for (let offset = lastStart() + 1; offset < sealed.body.length; offset++) {
      expect(await outcome(changed(offset)), `byte ${offset}`).toEqual([200, 400, 'decryption_failed']);
    }
    expect(upstream.seen).toEqual([]);
  });

  test('where its final chunk is missing, or another is passed off as it', async () => {
    expect(await outcome(sealed.body.subarray(0, lastStart()))).toEqual([200, 400, 'request_truncated']);
    const second = sealed.body.subarray(FIRST_END + 1, SECOND_END);
    const early = Buffer.concat([sealed.body.subarray(0, FIRST_END), varint(0), second]);
    expect(await outcome(early)).toEqual([200, 400, 'decryption_failed']);
    const last = sealed.body.subarray(lastStart() + 1);
    const notLast = Buffer.concat([sealed.body.subarray(0, lastStart()), varint(16), last]);
    expect(await outcome(notLast)).toEqual([200, 400, 'invalid_message']);
  });

  test('where chunks are dropped, repeated or change places', async () => {
    const [preface, first, second, rest] = [
      sealed.body.subarray(0, PREFACE_BYTES),
      sealed.body.subarray(PREFACE_BYTES, FIRST_END),
      sealed.body.subarray(FIRST_END, SECOND_END),
      sealed.body.subarray(SECOND_END),
    ];
    expect(await outcome(Buffer.concat([preface, first, rest]))).toEqual([200, 400, 'decryption_failed']);
    expect(await outcome(Buffer.concat([preface, first, first, second, rest]))).toEqual([
      200,
      400,
      'decryption_failed',
    ]);
    const swapped = await router.fetch(outerRequest(Buffer.concat([preface, second, first, rest])));
    expect(swapped.status).toBe(400);
  });

  test('where a chunk that is not the last is empty, or is longer than a chunk may be', async () => {
    const before = sealed.body.subarray(0, FIRST_END);
    const rest = sealed.body.subarray(FIRST_END + 1);
    expect(await outcome(Buffer.concat([before, varint(16), rest]))).toEqual([200, 400, 'invalid_message']);
    expect(await outcome(Buffer.concat([before, varint(1), rest]))).toEqual([200, 400, 'invalid_message']);
    expect(await outcome(Buffer.concat([before, varint(16_401), rest]))).toEqual([200, 400, 'chunk_too_large']);
    expect(await outcome(Buffer.concat([before, varint(2 ** 50), rest]))).toEqual([200, 400, 'chunk_too_large']);
    expect(await outcome(Buffer.concat([before, Buffer.alloc(8, 0xff), rest]))).toEqual([200, 400, 'chunk_too_large']);
  });

  test('where something follows its final chunk', async () => {
    expect(await outcome(Buffer.concat([sealed.body, Buffer.from([0])]))).toEqual([200, 400, 'decryption_failed']);
    const endless = Buffer.concat([sealed.body, Buffer.alloc(20_000)]);
    expect(await outcome(endless)).toEqual([200, 400, 'chunk_too_large']);
  });

  test('and is answered in the end when it comes whole: none of those was remembered, and a length may be long', async () => {
    // RFC 9000 §16 lets an integer take more bytes than it needs; only its value counts.
    const long = Buffer.concat([
      sealed.body.subarray(0, FIRST_END),
      varint(FIRST_BYTES + TAG_BYTES, 8),
      sealed.body.subarray(FIRST_END + 1),
    ]);
    const inner = await open(sealed, await router.fetch(outerRequest(long)));
    expect(inner.status).toBe(200);
    expect(upstream.seen).toHaveLength(1);
  });
});
