import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts';
import { AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305, type HpkeSuite, KDF_HKDF_SHA256 } from '../../src/hpke/index.ts';
import { SottoError } from '../../src/index.ts';
import { nodeHpke } from '../../src/node/index.ts';
import {
  ChunkSealer,
  openWholeRequest,
  RequestOpener,
  type SealedRequest,
  sealRequest,
  sealWholeRequest,
} from '../../src/ohttp/index.ts';
import { varintLength } from '../../src/varint.ts';
import { asyncErrorCode, errorCode } from '../error-code.ts';
import { KEM_IDS, PROVIDERS } from '../hpke/providers.ts';
import { makePair, openRequest, openResponse, type Pair } from './gateway.ts';

const SUITE: HpkeSuite = { kemId: 0x0020, kdfId: KDF_HKDF_SHA256, aeadId: AEAD_AES_256_GCM };
const text = (value: string) => encodeUtf8(value);

/** One exchange, sealed by the node provider: its parts can be rearranged. */
interface Exchange {
  readonly pair: Pair;
  readonly sealed: SealedRequest;
  readonly request: readonly Uint8Array[];
  readonly response: readonly Uint8Array[];
}

async function exchange(): Promise<Exchange> {
  const pair = await makePair(nodeHpke, SUITE);
  const sealed = await sealRequest(nodeHpke, pair.recipient);
  const { sealer } = sealed;
  const request = [
    sealer.preface,
    await sealer.seal(text('one')),
    await sealer.seal(text('two')),
    await sealer.finish(text('end')),
  ];
  const { opener } = await openRequest(nodeHpke, pair.findKey, concatBytes(...request));
  const answer = await opener.sealResponse();
  const response = [
    answer.preface,
    await answer.seal(text('uno')),
    await answer.seal(text('due')),
    await answer.finish(),
  ];
  return { pair, sealed, request, response };
}

let made: Exchange;
beforeAll(async () => {
  made = await exchange();
});

const requestCode = (body: Uint8Array, size?: number) =>
  asyncErrorCode(() => openRequest(nodeHpke, made.pair.findKey, body, size));
const responseCode = (body: Uint8Array, size?: number) =>
  asyncErrorCode(() => openResponse(made.sealed.openResponse, body, size));

describe.each(PROVIDERS)('%s', (_name, provider) => {
  test.each(KEM_IDS)('a request and its response open under KEM %i and each AEAD, byte by byte', async (kemId) => {
    for (const aeadId of [1, AEAD_AES_256_GCM, AEAD_CHACHA20_POLY1305]) {
      const pair = await makePair(provider, { kemId, kdfId: KDF_HKDF_SHA256, aeadId });
      const { sealer, openResponse: makeOpener } = await sealRequest(provider, pair.recipient);
      const body = concatBytes(sealer.preface, await sealer.seal(text('question')), await sealer.finish());
      const { message, opener } = await openRequest(provider, pair.findKey, body, 1);
      expect(message).toEqual(text('question'));
      const answer = await opener.sealResponse();
      const answered = concatBytes(answer.preface, await answer.seal(text('ans')), await answer.finish(text('wer')));
      expect(await openResponse(makeOpener, answered, 1)).toEqual(text('answer'));
    }
  });

  test('a message of several chunks is cut at 16,384 bytes and comes back whole', async () => {
    const pair = await makePair(provider, SUITE);
    const { sealer } = await sealRequest(provider, pair.recipient);
    const long = new Uint8Array(40_000).map((_, index) => index);
    const body = concatBytes(sealer.preface, await sealer.seal(long), await sealer.finish(long));
    const { message, chunks } = await openRequest(provider, pair.findKey, body, 1_000);
    expect(message).toEqual(concatBytes(long, long));
    expect(Math.max(...chunks.map((chunk) => chunk.length))).toBe(16_384);
  });
});

describe('the node provider, called synchronously', () => {
  test('seals and opens each chunk within the call', async () => {
    const pair = await makePair(nodeHpke, SUITE);
    const { sealer } = await sealRequest(nodeHpke, pair.recipient);
    const chunks: Uint8Array[] = [];
    const opener = new RequestOpener(nodeHpke, pair.findKey, (chunk) => void chunks.push(chunk));
    expect(opener.push(sealer.preface)).toBeUndefined();
    expect(opener.authenticated).toBe(false);
    const frame = sealer.seal(text('now'));
    if (!(frame instanceof Uint8Array)) throw new Error('the frame is promised');
    expect(opener.push(frame)).toBeUndefined();
    expect(chunks.map((chunk) => Uint8Array.from(chunk))).toEqual([text('now')]);
    expect(opener.authenticated).toBe(true);
    expect(opener.sealResponse()).toBeInstanceOf(ChunkSealer);
  });
});

describe('truncation', () => {
  test('a request cut at any byte is refused', async () => {
    const body = concatBytes(...made.request);
    for (let length = 0; length < body.length; length++) {
      expect(await requestCode(body.subarray(0, length))).toMatch(/^(request_truncated|decryption_failed)$/);
    }
  });

  test('a response cut at any byte is refused', async () => {
    const body = concatBytes(...made.response);
    for (let length = 0; length < body.length; length++) {
      expect(await responseCode(body.subarray(0, length))).toMatch(/^(response_truncated|decryption_failed)$/);
    }
  });

  test('a body that ends between chunks, without its final chunk, is truncated in both directions', async () => {
    expect(await requestCode(concatBytes(...made.request.slice(0, -1)))).toBe('request_truncated');
    expect(await responseCode(concatBytes(...made.response.slice(0, -1)))).toBe('response_truncated');
  });

  test('chunks before the cut have been given out, the message has not been completed', async () => {
    const chunks: Uint8Array[] = [];
    const opener = made.sealed.openResponse((chunk) => void chunks.push(chunk));
    await opener.push(concatBytes(...made.response.slice(0, 2)));
    expect(chunks.map((chunk) => Uint8Array.from(chunk))).toEqual([text('uno')]);
    expect(await asyncErrorCode(() => opener.finish())).toBe('response_truncated');
  });
});

describe('chunks that are not where they were', () => {
  const rearranged = (order: readonly number[]) => [
    concatBytes(...order.map((index) => made.request[index] ?? new Uint8Array(0))),
    concatBytes(...order.map((index) => made.response[index] ?? new Uint8Array(0))),
  ];

  test.each([
    ['reordered', [0, 2, 1, 3]],
    ['repeated', [0, 1, 1, 2, 3]],
    ['left out', [0, 2, 3]],
    ['after the final one', [0, 1, 2, 3, 1]],
    ['final twice', [0, 1, 2, 3, 3]],
  ])('a chunk %s is refused', async (_what, order) => {
    const [request, response] = rearranged(order);
    if (request === undefined || response === undefined) throw new Error('no bodies');
    for (const size of [Number.POSITIVE_INFINITY, 1]) {
      expect(await requestCode(request, size)).toBe('decryption_failed');
      expect(await responseCode(response, size)).toBe('decryption_failed');
    }
  });

  test('a non-final chunk passed off as final is refused, and the other way round', async () => {
    const [preface, one, , end] = made.request;
    if (preface === undefined || one === undefined || end === undefined) throw new Error('no request');
    expect(await requestCode(concatBytes(preface, Uint8Array.of(0), one.subarray(1)))).toBe('decryption_failed');
    const asNonFinal = concatBytes(Uint8Array.of(end.length - 1), end.subarray(1));
    expect(await requestCode(concatBytes(preface, asNonFinal))).toBe('decryption_failed');
  });
});

describe('lengths', () => {
  const preface = () => made.request[0] ?? new Uint8Array(0);

  test.each([
    ['one byte too long', [0x80, 0x00, 0x40, 0x11]],
    ['2^62 - 1', [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]],
  ])('a chunk that is %s is refused before its bytes come', async (_what, length) => {
    const opener = new RequestOpener(nodeHpke, made.pair.findKey, () => {});
    await opener.push(preface());
    expect(errorCode(() => opener.push(Uint8Array.from(length)))).toBe('chunk_too_large');
    expect(await responseCode(concatBytes(made.response[0] ?? preface(), Uint8Array.from(length)))).toBe(
      'chunk_too_large',
    );
  });

  test('a final chunk that goes on beyond 16,384 bytes is refused while it comes', async () => {
    const opener = new RequestOpener(nodeHpke, made.pair.findKey, () => {});
    await opener.push(concatBytes(preface(), Uint8Array.of(0), new Uint8Array(16_384 + 16)));
    expect(errorCode(() => opener.push(Uint8Array.of(1)))).toBe('chunk_too_large');
  });

  test('a chunk of exactly 16,384 bytes is taken, and a longer one where the options say so', async () => {
    const pair = await makePair(nodeHpke, SUITE);
    for (const maxChunkBytes of [16_384, 65_536]) {
      const { sealer } = await sealRequest(nodeHpke, pair.recipient, { maxChunkBytes });
      const body = concatBytes(sealer.preface, await sealer.seal(new Uint8Array(maxChunkBytes)), await sealer.finish());
      const chunks: number[] = [];
      const opener = new RequestOpener(nodeHpke, pair.findKey, (chunk) => void chunks.push(chunk.length), {
        maxChunkBytes,
      });
      await opener.push(body);
      await opener.finish();
      expect(chunks).toEqual([maxChunkBytes]);
      if (maxChunkBytes > 16_384) {
        expect(await asyncErrorCode(() => openRequest(nodeHpke, pair.findKey, body))).toBe('chunk_too_large');
      }
    }
  });

  test('an empty chunk that is not the last is refused, sealed or not', async () => {
    const { recipient } = made.pair;
    const { context } = await nodeHpke.setupSender(recipient.suite, recipient.publicKey, new Uint8Array(0));
    const empty = await context.seal(new Uint8Array(0), new Uint8Array(0));
    expect(await requestCode(concatBytes(preface(), Uint8Array.of(16), empty))).toBe('invalid_message');
    expect(await requestCode(concatBytes(preface(), Uint8Array.of(1, 0)))).toBe('invalid_message');
    expect(await responseCode(concatBytes(made.response[0] ?? preface(), Uint8Array.of(16), empty))).toBe(
      'invalid_response',
    );
  });

  test('lengths in a longer encoding than they need are the same lengths', async () => {
    const [start, one, two, end] = made.request;
    if (start === undefined || one === undefined || two === undefined || end === undefined)
      throw new Error('no request');
    const longer = (frame: Uint8Array) => concatBytes(Uint8Array.of(0x80, 0, 0, frame[0] ?? 0), frame.subarray(1));
    const body = concatBytes(start, longer(one), longer(two), longer(end));
    expect((await openRequest(nodeHpke, made.pair.findKey, body, 1)).message).toEqual(text('onetwoend'));
  });
});

describe('keys', () => {
  test('an unknown key id, another KEM and a suite that the key does not list are told to fetch the keys again', async () => {
    const body = concatBytes(...made.request);
    for (const [at, value] of [
      [0, 8],
      [1, 0x64],
      [4, 2],
      [6, 1],
      [6, 9],
    ] as const) {
      const changed = body.slice();
      changed[at] = value;
      expect(await requestCode(changed)).toBe('unknown_key_id');
    }
  });

  test('the whole-message form and the chunked one do not open as each other', async () => {
    const whole = await sealWholeRequest(nodeHpke, made.pair.recipient, text('x'));
    const prefaceBytes = (made.request[0] ?? new Uint8Array(0)).length;
    const asChunked = concatBytes(
      whole.body.subarray(0, prefaceBytes),
      Uint8Array.of(0),
      whole.body.subarray(prefaceBytes),
    );
    expect(await requestCode(asChunked)).toBe('decryption_failed');
    const chunked = concatBytes(...made.request);
    expect(await asyncErrorCode(() => openWholeRequest(nodeHpke, made.pair.findKey, chunked))).toBe(
      'decryption_failed',
    );
  });

  test('a request to another key under the same id does not open', async () => {
    const other = await makePair(nodeHpke, SUITE);
    const { sealer } = await sealRequest(nodeHpke, other.recipient);
    expect(await requestCode(concatBytes(sealer.preface, await sealer.finish(text('x'))))).toBe('decryption_failed');
  });

  test('a response to one request does not open as the response to another', async () => {
    const other = await exchange();
    expect(await responseCode(concatBytes(...other.response))).toBe('decryption_failed');
  });

  test('a response is not sealed before a chunk of the request has opened', async () => {
    const opener = new RequestOpener(nodeHpke, made.pair.findKey, () => {});
    await opener.push(made.request[0] ?? new Uint8Array(0));
    expect(errorCode(() => opener.sealResponse())).toBe('invalid_option');
  });
});

describe('any changed bit', () => {
  test('of a request is refused with a typed error that names no step', async () => {
    const body = concatBytes(...made.request);
    await fc.assert(
      fc.asyncProperty(fc.nat(body.length * 8 - 1), fc.constantFrom(1, 7, 1_000), async (bit, size) => {
        const changed = body.slice();
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const code = await requestCode(changed, size);
        expect(code).toMatch(/^(unknown_key_id|decryption_failed|request_truncated|chunk_too_large|invalid_message)$/);
        if (bit >> 3 >= 7 && bit >> 3 < 39) expect(code).toBe('decryption_failed');
      }),
      { numRuns: 300 },
    );
  });

  test('of a response is refused with a typed error', async () => {
    const body = concatBytes(...made.response);
    for (let bit = 0; bit < body.length * 8; bit++) {
      const changed = body.slice();
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const code = await responseCode(changed);
      expect(code).toMatch(/^(decryption_failed|response_truncated|chunk_too_large|invalid_response)$/);
    }
  });

  test('rubbish is refused with a typed error', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (body) => {
        expect(await requestCode(body)).not.toBe('decoded');
      }),
    );
  });
});

test('a round trip keeps the message whatever the pieces written, received and their sizes', async () => {
  const pair = await makePair(nodeHpke, SUITE);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 6 }),
      fc.integer({ min: 1, max: 700 }),
      fc.boolean(),
      async (written, size, finishEmpty) => {
        const { sealer } = await sealRequest(nodeHpke, pair.recipient, { maxChunkBytes: 256 });
        const body = [sealer.preface];
        const last = finishEmpty ? new Uint8Array(0) : (written.pop() ?? new Uint8Array(0));
        for (const piece of written) body.push(await sealer.seal(piece));
        body.push(await sealer.finish(last));
        const { message } = await openRequest(nodeHpke, pair.findKey, concatBytes(...body), size);
        expect(message).toEqual(concatBytes(...written, last));
      },
    ),
  );
});

describe('limits and misuse', () => {
  test('a message has as many chunks as it may and no more, on either side', async () => {
    const pair = await makePair(nodeHpke, SUITE);
    const { sealer } = await sealRequest(nodeHpke, pair.recipient, { maxChunks: 2 });
    await sealer.seal(text('a'));
    await sealer.seal(text('b'));
    expect(errorCode(() => sealer.seal(text('c')))).toBe('message_limit_reached');
    const opener = new RequestOpener(nodeHpke, made.pair.findKey, () => {}, { maxChunks: 1 });
    expect(errorCode(() => opener.push(concatBytes(...made.request)))).toBe('message_limit_reached');
  });

  test('nothing is sealed after the final chunk, nothing opened after the end or a failure', async () => {
    const pair = await makePair(nodeHpke, SUITE);
    const { sealer } = await sealRequest(nodeHpke, pair.recipient);
    const body = concatBytes(sealer.preface, await sealer.finish());
    expect(errorCode(() => sealer.seal(text('more')))).toBe('message_finished');
    expect(errorCode(() => sealer.finish())).toBe('message_finished');
    const { opener } = await openRequest(nodeHpke, pair.findKey, body);
    expect(errorCode(() => opener.push(text('more')))).toBe('message_finished');
    const failing = new RequestOpener(
      nodeHpke,
      () => undefined,
      () => {},
    );
    expect(errorCode(() => failing.push(body))).toBe('unknown_key_id');
    expect(errorCode(() => failing.push(body))).toBe('message_finished');
    expect(errorCode(() => failing.finish())).toBe('message_finished');
  });

  test('calls that overlap are refused where the provider answers later', async () => {
    const portable = PROVIDERS.find(([name]) => name === 'portable')?.[1] ?? nodeHpke;
    const pair = await makePair(portable, SUITE);
    const { sealer } = await sealRequest(portable, pair.recipient);
    const opener = new RequestOpener(portable, pair.findKey, () => {});
    const first = opener.push(concatBytes(sealer.preface, await sealer.seal(text('a'))));
    expect(errorCode(() => opener.push(text('b')))).toBe('invalid_option');
    await first;
    expect(opener.authenticated).toBe(true);
  });

  test('an error that the receiver of chunks throws is not dressed up as another', () => {
    const opener = new RequestOpener(nodeHpke, made.pair.findKey, () => {
      throw new RangeError('mine');
    });
    expect(() => opener.push(concatBytes(...made.request))).toThrow(RangeError);
  });

  test('a frame costs its tag, its length and nothing else', async () => {
    const pair = await makePair(nodeHpke, SUITE);
    const { sealer } = await sealRequest(nodeHpke, pair.recipient);
    for (const length of [1, 47, 48, 1_024, 16_384]) {
      const frame = await sealer.seal(new Uint8Array(length));
      expect(frame.length).toBe(length + 16 + varintLength(frame[0] ?? 0));
    }
    expect(await sealer.seal(new Uint8Array(0))).toHaveLength(0);
  });
});

test('errors of the router carry a status, errors of the client are SecurityErrors', async () => {
  await expect(openRequest(nodeHpke, made.pair.findKey, new Uint8Array(3))).rejects.toMatchObject({ status: 400 });
  const failure = await openResponse(made.sealed.openResponse, new Uint8Array(3)).catch((error: unknown) => error);
  expect(SottoError.isInstance(failure) && failure.name).toBe('SecurityError');
});
