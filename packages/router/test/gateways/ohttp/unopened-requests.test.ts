import { KEM_MLKEM768_X25519, KEM_X25519 } from '@sotto/protocol/hpke';
import { OHTTP_GATEWAY_PATH, OHTTP_KEY_PROBLEM_TYPE } from '@sotto/protocol/ohttp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createRouter, type Router } from '../../../src/index.ts';
import { type StandInUpstream, startStandIn } from '../../stand-in-upstream.ts';
import { varint } from './raw-message.ts';
import {
  chatInput,
  innerMessage,
  outerRequest,
  outerWholeRequest,
  recipientOf,
  sealPieces,
  sealWhole,
} from './sealing-client.ts';

const HEADER_BYTES = 7; // RFC 9458 §4.3
const ENC_BYTES = 32; // RFC 9180 §7.1
const PREFACE_BYTES = HEADER_BYTES + ENC_BYTES;
const REFUSED = '{"type":"about:blank","title":"the request could not be opened","status":400}';

let upstream: StandInUpstream;
let router: Router;
/** A message in one chunk, and an empty last one. */
let chunked: Uint8Array;
let whole: Uint8Array;

beforeAll(async () => {
  upstream = await startStandIn();
  router = await createRouter({
    auth: 'open',
    protocols: ['ohttp'],
    upstreams: [{ name: 'u', baseUrl: upstream.baseUrl, models: ['m'] }],
    limits: { bodyBytes: 1_048_576 },
  });
  const recipient = await recipientOf(router.fetch);
  const message = innerMessage(chatInput());
  chunked = (await sealPieces(recipient, [message])).body;
  whole = (await sealWhole(recipient, message)).body;
});
afterAll(async () => {
  await router.close();
  expect(upstream.seen).toEqual([]);
  await upstream.close();
});

async function told(request: Request): Promise<readonly [status: number, mediaType: string | null, body: string]> {
  const answer = await router.fetch(request);
  return [answer.status, answer.headers.get('content-type'), await answer.text()];
}
const PROBLEM = [400, 'application/problem+json', REFUSED] as const;

function changed(bytes: Uint8Array, offset: number, mask: number): Uint8Array {
  const copy = Buffer.from(bytes);
  copy[offset] = (copy[offset] ?? 0) ^ mask;
  return copy;
}

/** Where the first chunk's ciphertext begins: after its length. */
function chunkStart(body: Uint8Array): number {
  return PREFACE_BYTES + (1 << ((body[PREFACE_BYTES] ?? 0) >> 6));
}

/** The first chunk's last byte and one more. */
function chunkEnd(body: Uint8Array): number {
  const start = chunkStart(body);
  const length = Buffer.from(body).readUInt16BE(PREFACE_BYTES) & 0x3fff;
  return start + length;
}

describe('what nobody can be known to have sent', () => {
  test('is refused alike wherever it ends before its first chunk does', async () => {
    for (let length = 0; length < chunkEnd(chunked); length++) {
      expect(await told(outerRequest(chunked.subarray(0, length))), `${length} bytes`).toEqual(PROBLEM);
    }
  });

  test('is refused alike wherever a whole message ends too early', async () => {
    for (let length = 0; length < whole.length; length++) {
      expect(await told(outerWholeRequest(whole.subarray(0, length))), `${length} bytes`).toEqual(PROBLEM);
    }
  });

  test('is refused alike whichever byte of enc, length, ciphertext or tag was changed', async () => {
    for (let offset = HEADER_BYTES; offset < chunkEnd(chunked); offset++) {
      const mask = 1 << (offset % 8);
      expect(await told(outerRequest(changed(chunked, offset, mask))), `chunked, byte ${offset}`).toEqual(PROBLEM);
    }
    for (let offset = HEADER_BYTES; offset < whole.length; offset++) {
      const mask = 1 << (offset % 8);
      expect(await told(outerWholeRequest(changed(whole, offset, mask))), `whole, byte ${offset}`).toEqual(PROBLEM);
    }
  });

  test('is refused alike whatever is wrong with the length of its first chunk', async () => {
    const [preface, first] = [chunked.subarray(0, PREFACE_BYTES), chunked.subarray(chunkStart(chunked))];
    const withLength = (length: Uint8Array): Request => outerRequest(Buffer.concat([preface, length, first]));
    const lengths = [varint(1), varint(16), varint(16_384 + 17), varint(2 ** 32), varint(0), Buffer.alloc(8, 0xff)];
    for (const length of lengths) {
      expect(await told(withLength(length)), length.toString('hex')).toEqual(PROBLEM);
    }
  });

  test('is refused alike where a form is named that it is not in', async () => {
    expect(await told(outerRequest(whole))).toEqual(PROBLEM);
    expect(await told(outerWholeRequest(chunked))).toEqual(PROBLEM);
  });

  test('is refused alike where enc is a point of small order', async () => {
    const smallOrder = [Buffer.alloc(32), Buffer.concat([Buffer.from([1]), Buffer.alloc(31)])];
    for (const enc of smallOrder) {
      const body = Buffer.concat([chunked.subarray(0, HEADER_BYTES), enc, chunked.subarray(PREFACE_BYTES)]);
      expect(await told(outerRequest(body))).toEqual(PROBLEM);
    }
  });

  test('is refused alike under the hybrid KEM, which rejects implicitly', async () => {
    const recipient = await recipientOf(router.fetch, KEM_MLKEM768_X25519);
    const { body } = await sealPieces(recipient, [innerMessage(chatInput())]);
    for (const offset of [HEADER_BYTES, HEADER_BYTES + 1_087, HEADER_BYTES + 1_119, HEADER_BYTES + 1_140]) {
      expect(await told(outerRequest(changed(body, offset, 1))), `byte ${offset}`).toEqual(PROBLEM);
    }
    expect(await told(outerRequest(body.subarray(0, HEADER_BYTES + 1_120)))).toEqual(PROBLEM);
  });

  test('is told apart by its key id alone, which is public', async () => {
    const body = { type: OHTTP_KEY_PROBLEM_TYPE, title: 'the key is not in use: fetch the keys again', status: 422 };
    const unknown = [422, 'application/problem+json', JSON.stringify(body)];
    // Byte by byte: key id, KEM, KDF, AEAD.
    for (let offset = 0; offset < HEADER_BYTES; offset++) {
      expect(await told(outerRequest(changed(chunked, offset, 0x80))), `byte ${offset}`).toEqual(unknown);
      expect(await told(outerWholeRequest(changed(whole, offset, 0x80))), `byte ${offset}`).toEqual(unknown);
    }
    const { keyId } = await recipientOf(router.fetch, KEM_MLKEM768_X25519);
    const otherKem = Buffer.concat([Buffer.from([keyId]), chunked.subarray(1)]);
    expect(await told(outerRequest(otherKem)), 'a key of another KEM').toEqual(unknown);
  });

  test('is refused under another AEAD than it was sealed with', async () => {
    const { keyId } = await recipientOf(router.fetch, KEM_X25519);
    for (const aeadId of [1, 3]) {
      const header = Buffer.from([keyId, 0, 0x20, 0, 1, 0, aeadId]);
      expect(await told(outerRequest(Buffer.concat([header, chunked.subarray(HEADER_BYTES)])))).toEqual(PROBLEM);
    }
  });
});

describe('what is no encapsulated request', () => {
  test('of another media type, or of none, is a 415', async () => {
    for (const mediaType of ['application/json', 'message/ohttp-res', 'message/bhttp', '']) {
      const answer = await router.fetch(outerRequest(chunked, { 'content-type': mediaType }));
      expect([answer.status, mediaType]).toEqual([415, mediaType]);
      expect(await answer.json()).toMatchObject({ error: { code: 'unsupported_media_type' } });
    }
  });

  test('longer than any body may become is a 413, said to be so or not', async () => {
    const body = new Uint8Array(1_048_576 + 131_072 + 131_072 + 1);
    const answer = await router.fetch(outerRequest(body));
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ error: { code: 'payload_too_large' } });
  });

  test('by another method is a 405', async () => {
    for (const method of ['PUT', 'DELETE', 'OPTIONS']) {
      const answer = await router.fetch(new Request(`http://router.test${OHTTP_GATEWAY_PATH}`, { method }));
      expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 405, 'GET, POST']);
    }
  });
});
