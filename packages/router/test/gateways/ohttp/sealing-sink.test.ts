import { AEAD_AES_256_GCM, KDF_HKDF_SHA256, KEM_X25519 } from '@sotto/protocol/hpke';
import { nodeHpke } from '@sotto/protocol/node';
import { MAX_CHUNK_BYTES, paddedLength, RequestOpener } from '@sotto/protocol/ohttp';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { SealingSink } from '../../../src/gateways/ohttp/sealing-sink.ts';
import { sendBytes, sendJson } from '../../../src/http/answer.ts';
import type { HeaderFields } from '../../../src/http/exchange.ts';
import { RecordingSink } from '../recording-sink.ts';
import { sealedChunks } from './sealed-chunks.ts';
import { type AnswerReader, chatInput, readAnswer, seal } from './sealing-client.ts';

const TAG_BYTES = 16;
const EVENT_STREAM = { 'content-type': 'text/event-stream' };
const event = (text: string): Buffer => Buffer.from(`data: ${text}\n\n`);

interface Sealing {
  readonly outer: RecordingSink;
  readonly sink: SealingSink;
  /** Opens what was written so far. */
  read(): Promise<AnswerReader>;
}

async function sealing(coalesceMs: number | ((headers: HeaderFields) => number) = 0): Promise<Sealing> {
  const suite = { kemId: KEM_X25519, kdfId: KDF_HKDF_SHA256, aeadId: AEAD_AES_256_GCM };
  const keyPair = await nodeHpke.generateKeyPair(KEM_X25519);
  const publicKey = await nodeHpke.importPublicKey(KEM_X25519, keyPair.publicKey);
  const request = await seal({ keyId: 1, suite, publicKey }, chatInput());
  const opener = new RequestOpener(
    nodeHpke,
    () => ({ keyPair, suites: [suite] }),
    () => {},
  );
  await opener.push(request.body);
  await opener.finish();
  const outer = new RecordingSink();
  const sink = new SealingSink(outer, await opener.sealResponse(), {
    coalesceMs: typeof coalesceMs === 'number' ? () => coalesceMs : coalesceMs,
    timed: () => {},
  });
  return {
    outer,
    sink,
    read: async () => {
      const reader = readAnswer(request);
      await reader.opener.push(outer.body);
      return reader;
    },
  };
}

/** Lets what was put off to the end of the turn happen. */
const turn = (): Promise<void> => Promise.resolve();

describe('a sealed stream', () => {
  test('sends its head before there is anything to say', async () => {
    const { outer, sink, read } = await sealing();
    sink.head(200, EVENT_STREAM);
    await turn();
    expect(outer.status).toBe(200);
    expect((await read()).chunks).toHaveLength(1);
  });

  test('sends each event in a chunk of its own, before the write returns', async () => {
    const { outer, sink, read } = await sealing();
    sink.head(200, EVENT_STREAM);
    await turn();
    for (let count = 1; count <= 20; count++) {
      sink.write(event(`${count}`));
      expect(sealedChunks(outer.body)).toHaveLength(1 + count);
      expect((await read()).text()).toContain(`data: ${count}\n\n`);
    }
  });

  test('adds at most 60 bytes to an event', async () => {
    const { outer, sink } = await sealing();
    sink.head(200, EVENT_STREAM);
    await turn();
    const before = outer.body.length;
    sink.write(event('token'));
    expect(outer.body.length - before - event('token').length).toBeLessThanOrEqual(60);
  });

  test('ends with an empty chunk of its own, after padding to a class', async () => {
    for (const length of [0, 1, 200, 1_000, 5_000, 40_000]) {
      const { outer, sink, read } = await sealing();
      sink.head(200, EVENT_STREAM);
      await turn();
      sink.write(Buffer.alloc(length, 'x'));
      sink.end();
      expect(outer.outcome).toBe('ended');
      expect(sealedChunks(outer.body).at(-1)).toEqual({ length: TAG_BYTES, final: true });
      const reader = await read();
      expect((await reader.finish()).text).toHaveLength(length);
      const bytes = reader.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
      expect(bytes, `${length}`).toBe(paddedLength(bytes));
    }
  });

  test('cuts what is longer than a chunk may be', async () => {
    const { outer, sink, read } = await sealing();
    sink.head(200, EVENT_STREAM);
    sink.write(Buffer.alloc(100_000, 'x'));
    sink.end();
    for (const { length } of sealedChunks(outer.body)) expect(length).toBeLessThanOrEqual(MAX_CHUNK_BYTES + TAG_BYTES);
    expect((await (await read()).finish()).text).toHaveLength(100_000);
  });

  test('that is aborted brings what there was, ends outwardly, and has no final chunk', async () => {
    const { outer, sink, read } = await sealing();
    sink.head(200, EVENT_STREAM);
    sink.write(event('half'));
    sink.abort();
    expect(outer.outcome).toBe('ended');
    expect(sealedChunks(outer.body).filter(({ final }) => final)).toEqual([]);
    const reader = await read();
    expect(reader.text()).toBe('data: half\n\n');
    await expect(reader.finish()).rejects.toMatchObject({ code: 'response_truncated' });
  });

  test('that is aborted before its head breaks off outwardly too: an empty answer would look like one', async () => {
    const { outer, sink } = await sealing();
    sink.abort();
    expect(outer).toMatchObject({ outcome: 'aborted', writes: [] });
  });

  test('takes nothing after its end', async () => {
    for (const finish of ['end', 'abort'] as const) {
      const { outer, sink } = await sealing();
      sink.head(200, EVENT_STREAM);
      sink[finish]();
      const { length } = outer.body;
      sink.write(event('late'));
      sink.head(500, {});
      sink.end();
      sink.abort();
      await turn();
      expect(outer.body.length).toBe(length);
    }
  });

  test('tells a writer that its reader is slow, and when it has caught up', async () => {
    const { outer, sink } = await sealing();
    let drained = 0;
    sink.onDrain(() => drained++);
    sink.head(200, EVENT_STREAM);
    await turn();
    expect(sink.write(event('1'))).toBe(true);
    outer.full = true;
    expect(sink.write(event('2'))).toBe(false);
    outer.drained();
    expect([drained, sink.write(event('3'))]).toEqual([1, true]);
  });

  test('tells a writer that its reader has gone', async () => {
    const { outer, sink } = await sealing();
    let gone = false;
    sink.onClose(() => {
      gone = true;
    });
    outer.close();
    expect(gone).toBe(true);
  });

  test('keeps what describes the connection out, and everything else in, where nobody sees it', async () => {
    const { outer, sink, read } = await sealing();
    sink.preset({ 'x-request-id': 'req_1', 'x-sotto-tier': 'high' });
    sink.head(404, {
      ...EVENT_STREAM,
      connection: 'close',
      'keep-alive': 'x',
      'transfer-encoding': 'chunked',
      'x-sotto-tier': 'maximum',
    });
    sink.end();
    expect(outer.status).toBe(200);
    expect(Object.keys(outer.headers).sort()).toEqual([
      'cache-control',
      'content-type',
      'incremental',
      'x-accel-buffering',
    ]);
    const { status, headers } = await (await read()).finish();
    expect(status).toBe(404);
    expect(headers).toEqual({ ...EVENT_STREAM, 'x-request-id': 'req_1', 'x-sotto-tier': 'maximum' });
  });
});

describe('a sealed answer in one piece', () => {
  const lengthsOf = async (content: Uint8Array): Promise<readonly number[]> => {
    const { outer, sink, read } = await sealing();
    sendBytes(sink, 200, { 'content-type': 'application/json' }, content);
    await turn();
    const inner = await (await read()).finish();
    expect(inner.text).toBe(Buffer.from(content).toString());
    return sealedChunks(outer.body).map(({ length }) => length);
  };

  test('shows nothing but its class: not in its length, and not in the lengths of its chunks', async () => {
    expect(await lengthsOf(Buffer.alloc(10, 'x'))).toEqual([256 + TAG_BYTES, TAG_BYTES]);
    expect(await lengthsOf(Buffer.alloc(170, 'x'))).toEqual(await lengthsOf(Buffer.alloc(10, 'x')));
    expect(await lengthsOf(Buffer.alloc(2_500, 'x'))).toEqual(await lengthsOf(Buffer.alloc(4_000, 'x')));
    expect(await lengthsOf(Buffer.alloc(50_000, 'x'))).toEqual(await lengthsOf(Buffer.alloc(52_000, 'x')));
  });

  test('does not show which error it is', async () => {
    const shapes = await Promise.all(
      [{}, { error: { code: 'a' } }, { error: { code: 'a_much_longer_code' } }].map(async (body) => {
        const { outer, sink } = await sealing();
        sendJson(sink, 400, body);
        return sealedChunks(outer.body);
      }),
    );
    expect(shapes[1]).toEqual(shapes[0]);
    expect(shapes[2]).toEqual(shapes[0]);
  });

  test('that is aborted half-way has no final chunk', async () => {
    const { outer, sink } = await sealing();
    sink.head(200, { 'content-length': '10' });
    sink.write(event('x'));
    sink.abort();
    expect(outer.outcome).toBe('ended');
    expect(sealedChunks(outer.body).filter(({ final }) => final)).toEqual([]);
  });
});

describe('events that are gathered', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test('leave together when the time is over, and their head with them', async () => {
    const { outer, sink, read } = await sealing(10);
    sink.head(200, EVENT_STREAM);
    sink.write(event('1'));
    sink.write(event('2'));
    await vi.advanceTimersByTimeAsync(9);
    expect(sealedChunks(outer.body)).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(sealedChunks(outer.body)).toHaveLength(1);
    expect((await read()).text()).toBe('data: 1\n\ndata: 2\n\n');
    sink.write(event('3'));
    expect(sealedChunks(outer.body)).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(10);
    expect(sealedChunks(outer.body)).toHaveLength(2);
  });

  test('are gathered as the inner answer’s own header fields say', async () => {
    const byTier = (headers: HeaderFields): number => (headers['x-sotto-tier'] === 'maximum' ? 10 : 0);
    for (const [tier, chunks] of [
      ['maximum', 0],
      ['high', 2],
    ] as const) {
      const { outer, sink } = await sealing(byTier);
      sink.head(200, { ...EVENT_STREAM, 'x-sotto-tier': tier });
      await turn();
      sink.write(event('1'));
      expect(sealedChunks(outer.body)).toHaveLength(chunks);
      sink.end();
    }
  });

  test.each(['end', 'abort'] as const)('are not kept back at the %s', async (finish) => {
    const { sink, read } = await sealing(10);
    sink.head(200, EVENT_STREAM);
    sink.write(event('1'));
    sink[finish]();
    expect((await read()).text()).toBe('data: 1\n\n');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('tell their writer that the reader is slow, and when it has caught up', async () => {
    const { outer, sink } = await sealing(10);
    let drained = 0;
    sink.onDrain(() => drained++);
    sink.head(200, EVENT_STREAM);
    outer.full = true;
    expect(sink.write(event('1'))).toBe(true);
    await vi.advanceTimersByTimeAsync(10);
    expect(sink.write(event('2'))).toBe(false);
    outer.drained();
    expect([drained, sink.write(event('3'))]).toEqual([1, true]);
  });
});
