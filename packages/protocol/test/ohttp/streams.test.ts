import { describe, expect, test } from 'vitest';
import { concatBytes, encodeUtf8 } from '../../src/bytes.ts';
import { AEAD_AES_256_GCM, KDF_HKDF_SHA256, KEM_X25519 } from '../../src/hpke/index.ts';
import { createOpenStream, createSealStream, RequestOpener, sealRequest } from '../../src/ohttp/index.ts';
import { asyncErrorCode } from '../error-code.ts';
import { PROVIDERS } from '../hpke/providers.ts';
import { makePair } from './gateway.ts';

const SUITE = { kemId: KEM_X25519, kdfId: KDF_HKDF_SHA256, aeadId: AEAD_AES_256_GCM };

function streamOf(...pieces: Uint8Array[]): ReadableStream<Uint8Array> {
  return new ReadableStream({
    start(controller) {
      for (const piece of pieces) controller.enqueue(piece);
      controller.close();
    },
  });
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array[]> {
  const pieces: Uint8Array[] = [];
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return pieces;
    pieces.push(value);
  }
}

describe.each(PROVIDERS)('%s', (_name, provider) => {
  test('what one stream seals the other opens, each write a chunk of its own', async () => {
    const { recipient, findKey } = await makePair(provider, SUITE);
    const { sealer } = await sealRequest(provider, recipient);
    const opened = streamOf(encodeUtf8('a'), new Uint8Array(0), encodeUtf8('bc'))
      .pipeThrough(createSealStream(sealer))
      .pipeThrough(createOpenStream((onChunk) => new RequestOpener(provider, findKey, onChunk)));
    expect((await collect(opened)).map((piece) => Uint8Array.from(piece))).toEqual([encodeUtf8('a'), encodeUtf8('bc')]);
  });

  test('a body without its final chunk errors the stream, after the chunks that came', async () => {
    const { recipient, findKey } = await makePair(provider, SUITE);
    const { sealer } = await sealRequest(provider, recipient);
    const body = concatBytes(sealer.preface, await sealer.seal(encodeUtf8('first')));
    const reader = streamOf(body)
      .pipeThrough(createOpenStream((onChunk) => new RequestOpener(provider, findKey, onChunk)))
      .getReader();
    expect(Uint8Array.from((await reader.read()).value ?? [])).toEqual(encodeUtf8('first'));
    expect(await asyncErrorCode(() => reader.read())).toBe('request_truncated');
  });

  test('an aborted message gets no final chunk', async () => {
    const { recipient } = await makePair(provider, SUITE);
    const { sealer } = await sealRequest(provider, recipient);
    const { readable, writable } = createSealStream(sealer);
    const reader = readable.getReader();
    const writer = writable.getWriter();
    expect((await reader.read()).value).toEqual(sealer.preface);
    await Promise.all([writer.write(encodeUtf8('x')), reader.read()]);
    await writer.abort(new Error('upstream failed'));
    await expect(reader.read()).rejects.toThrow('upstream failed');
  });
});
