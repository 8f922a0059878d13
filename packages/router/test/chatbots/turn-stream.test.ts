import { describe, expect, test } from 'vitest';
import type { KeepTurn, WholeAnswer } from '../../src/chatbots/kept-turn.ts';
import { TurnStream } from '../../src/chatbots/turn-stream.ts';
import { CollectingSink } from '../../src/http/collecting-sink.ts';
import { completionEvents } from '../stand-in-upstream.ts';

const told = {
  conversation_id: 'conv_1',
  response: 'ab',
  sources: [],
  timestamp: '2023-11-14T22:13:20.000Z',
  message_count: 2,
  usage: null,
};
const noReport = (error: unknown): never => {
  throw error;
};

/** Has `write` write to a stream of its own. @returns what its reader got, and what was kept */
async function turn(write: (stream: TurnStream) => void, keep?: KeepTurn) {
  const outer = new CollectingSink();
  const stream = new TurnStream(outer);
  const kept: WholeAnswer[] = [];
  const reports: unknown[] = [];
  stream.head(200, { 'content-type': 'text/event-stream' });
  write(stream);
  await stream.finish(
    keep ??
      (async (answer) => {
        kept.push(answer);
        return told;
      }),
    keep === undefined ? noReport : (error) => reports.push(error),
  );
  const { body, complete } = await outer.answer;
  return { text: Buffer.from(body).toString('utf8'), complete, kept, reports };
}

const usage = '{"choices":[],"usage":{"total_tokens":3}}';
const events = `: hello\n\n${completionEvents(['a', ' “ü”', '😀']).join('')}data: ${usage}\n\ndata: [DONE]\n\n`;
const EXPECTED = `data: {"delta":"a"}\n\ndata: {"delta":" “ü”"}\n\ndata: {"delta":"😀"}\n\ndata: ${JSON.stringify({ ...told, done: true })}\n\n`;

describe('a streamed turn', () => {
  test.each([
    ['at once', (text: string) => [Buffer.from(text)]],
    ['byte by byte', (text: string) => [...Buffer.from(text)].map((byte) => Uint8Array.of(byte))],
    [
      'byte by byte with CRLF',
      (text: string) => [...Buffer.from(text.replaceAll('\n', '\r\n'))].map((b) => Uint8Array.of(b)),
    ],
    ['without spaces behind the colons', (text: string) => [Buffer.from(text.replaceAll('data: ', 'data:'))]],
  ])('that comes %s is told in events of its own, and the end when it is kept', async (_how, pieces) => {
    const { text, complete, kept } = await turn((stream) => {
      for (const piece of pieces(events)) stream.write(piece);
      stream.end();
    });
    expect(text).toBe(EXPECTED);
    expect(complete).toBe(true);
    expect(kept).toEqual([
      { text: 'a “ü”😀', headers: { 'content-type': 'text/event-stream' }, usage: { total_tokens: 3 } },
    ]);
  });

  test('that breaks off is neither kept nor ended as if it were whole', async () => {
    const { text, complete, kept } = await turn((stream) => {
      stream.write(Buffer.from(completionEvents(['a'])[0] ?? ''));
      stream.write(
        Buffer.from('data: {"error":{"message":"broken","type":null,"param":null,"code":"upstream_failed"}}\n\n'),
      );
      stream.abort();
    });
    expect(text).toBe(
      'data: {"delta":"a"}\n\ndata: {"error":{"message":"broken","type":null,"param":null,"code":"upstream_failed"}}\n\n',
    );
    expect([complete, kept]).toEqual([false, []]);
  });

  test('tells no word of an error that is the model server’s own, and is over even if that goes on', async () => {
    const { text, complete, kept } = await turn((stream) => {
      stream.write(Buffer.from('data: {"error":{"message":"secret-host","code":"quota"}}\n\n'));
      stream.write(Buffer.from(events));
      stream.end();
    });
    expect(text).toMatch(/^data: \{"error":\{.*"code":"upstream_failed"\}\}\n\n$/);
    expect(text).not.toMatch(/secret-host|done/);
    expect([complete, kept]).toEqual([false, []]);
  });

  test('without a text is an error', async () => {
    const { text, complete, kept } = await turn((stream) => {
      stream.write(Buffer.from(`${completionEvents([]).join('')}data: [DONE]\n\n`));
      stream.end();
    });
    expect(text).toContain('"code":"upstream_invalid_response"');
    expect([complete, kept]).toEqual([false, []]);
  });

  test('that cannot be kept ends with an error, of which the operator is told', async () => {
    const failure = new Error('disk full');
    const { text, complete, reports } = await turn(
      (stream) => {
        stream.write(Buffer.from(events));
        stream.end();
      },
      () => Promise.reject(failure),
    );
    expect(text).toContain('"code":"internal_error"');
    expect(text).not.toMatch(/disk full|"done"/);
    expect([complete, reports]).toEqual([false, [failure]]);
  });

  test.each([
    ['an event', Buffer.from(`data: ${'x'.repeat(4 * 1_024 * 1_024)}`)],
    ['an answer', Buffer.from(completionEvents(['x'.repeat(1_048_577)])[0] ?? '')],
  ])('is broken off where the model server sends %s without end', async (_what, bytes) => {
    let cancelled = 0;
    const { text, complete, kept } = await turn((stream) => {
      stream.onClose(() => cancelled++);
      stream.write(bytes);
      stream.write(Buffer.from(events));
    });
    expect(text).toContain('"code":"upstream_invalid_response"');
    expect([complete, kept, cancelled]).toEqual([false, [], 1]);
  });

  test('tells its writer of a slow reader, and when to go on', async () => {
    const outer = new CollectingSink();
    let drain: () => void = () => {};
    outer.write = () => false;
    outer.onDrain = (listener: () => void = () => {}) => {
      drain = listener;
    };
    const stream = new TurnStream(outer);
    let resumed = false;
    stream.onDrain(() => {
      resumed = true;
    });
    expect(stream.write(Buffer.from(': nothing to tell\n\n'))).toBe(true);
    expect(stream.write(Buffer.from(events))).toBe(false);
    drain();
    expect(resumed).toBe(true);
  });

  test('whose reader has gone is not kept, and tells its writer, also one that asks later', async () => {
    const outer = new CollectingSink();
    const stream = new TurnStream(outer);
    let told = 0;
    stream.onClose(() => told++);
    outer.close();
    stream.onClose(() => told++);
    stream.write(Buffer.from(events));
    stream.end();
    await stream.finish(() => Promise.reject(new Error('kept')), noReport);
    expect(told).toBe(2);
  });
});
