import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { HeaderFields } from '../../src/http/exchange.ts';
import { type AnswerFacts, ReceiptSink } from '../../src/receipts/receipt-sink.ts';
import { eventually } from '../eventually.ts';
import { RecordingSink } from '../gateways/recording-sink.ts';

const SOURCE: HeaderFields = { 'x-sotto-tier': 'high', 'x-sotto-upstream-class': 'loopback' };
const JSON_TYPE = { 'content-type': 'application/json', 'content-length': '4' };
const EVENTS = { 'content-type': 'text/event-stream; charset=utf-8' };
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

function made(write: (facts: AnswerFacts) => Promise<string | null> = async () => 'RECEIPT') {
  const outer = new RecordingSink();
  const stated: AnswerFacts[] = [];
  const sink = new ReceiptSink(outer, (facts) => {
    stated.push(facts);
    return write(facts);
  });
  return { outer, sink, stated, over: () => eventually('the end', () => outer.outcome !== 'open') };
}

describe('an answer in one piece', () => {
  test('gets its receipt as a header field, and so waits for its end', async () => {
    const { outer, sink, stated, over } = made();
    sink.preset(SOURCE);
    sink.head(200, JSON_TYPE);
    sink.write(Buffer.from('{"'));
    sink.write(Buffer.from('a"}'));
    expect(outer.writes).toEqual([]);
    expect(sink.status).toBe(200);
    sink.end();
    await over();
    expect(outer.headers).toEqual({ ...SOURCE, ...JSON_TYPE, 'x-sotto-receipt': 'RECEIPT' });
    expect(outer.body.toString()).toBe('{"a"}');
    expect(stated).toEqual([{ tier: 'high', upstreamClass: 'loopback', answerSha256: sha256('{"a"}') }]);
  });

  test('goes without one where none can be made', async () => {
    const { outer, sink, over } = made(async () => null);
    sink.head(200, { ...SOURCE, ...JSON_TYPE });
    sink.write(Buffer.from('{}'));
    sink.end();
    await over();
    expect([outer.headers['x-sotto-receipt'], outer.body.toString(), outer.outcome]).toEqual([
      undefined,
      '{}',
      'ended',
    ]);
  });

  test('that breaks off has none', () => {
    const { outer, sink, stated } = made();
    sink.head(200, { ...SOURCE, ...JSON_TYPE });
    sink.write(Buffer.from('{'));
    sink.abort();
    expect([outer.outcome, outer.body.toString(), stated]).toEqual(['aborted', '{', []]);
  });
});

describe('a stream of events', () => {
  test('passes as it comes, and gets its receipt as a comment behind its last event', async () => {
    const { outer, sink, stated, over } = made();
    sink.preset(SOURCE);
    sink.head(200, EVENTS);
    const text = 'data: 1\n\ndata: [DONE]\n\n';
    for (const byte of Buffer.from(text)) {
      outer.full = byte === 0x31;
      expect(sink.write(Uint8Array.of(byte))).toBe(byte !== 0x31);
    }
    expect(outer.body.toString()).toBe(text);
    sink.end();
    await over();
    expect(outer.body.toString()).toBe(`${text}: sotto-receipt RECEIPT\n\n`);
    expect(stated).toMatchObject([{ answerSha256: sha256(text) }]);
  });

  test('whose last event is open has it closed first, which is part of the answer', async () => {
    const { outer, sink, stated, over } = made();
    sink.head(200, { ...SOURCE, ...EVENTS });
    sink.write(Buffer.from('data: [DONE]'));
    sink.end();
    await over();
    expect(outer.body.toString()).toBe('data: [DONE]\n\n: sotto-receipt RECEIPT\n\n');
    expect(stated).toMatchObject([{ answerSha256: sha256('data: [DONE]\n\n') }]);
  });

  test('that breaks off has none', () => {
    const { outer, sink, stated } = made();
    sink.head(200, { ...SOURCE, ...EVENTS });
    sink.write(Buffer.from('data: {"error":{}}\n\n'));
    sink.abort();
    sink.end();
    expect([outer.outcome, outer.body.toString(), stated]).toEqual(['aborted', 'data: {"error":{}}\n\n', []]);
  });
});

describe('an answer that no upstream gave', () => {
  test.each<[string, number, HeaderFields]>([
    ['an error', 429, { ...SOURCE, ...JSON_TYPE }],
    ['a list of the router’s own', 200, JSON_TYPE],
    ['of a tier that is none', 200, { ...SOURCE, 'x-sotto-tier': 'secret', ...JSON_TYPE }],
  ])('has no receipt, and waits for nothing: %s', (_, status, headers) => {
    const { outer, sink, stated } = made();
    sink.head(status, headers);
    sink.write(Buffer.from('{}'));
    expect(outer.writes).toHaveLength(1);
    sink.end();
    expect([outer.outcome, outer.status, outer.headers, stated]).toEqual(['ended', status, headers, []]);
  });
});

test('a sink that gives receipts passes on that its reader has caught up, or gone', () => {
  const { outer, sink } = made();
  const told: string[] = [];
  sink.onDrain(() => told.push('drained'));
  sink.onClose(() => told.push('closed'));
  outer.drained();
  outer.close();
  expect(told).toEqual(['drained', 'closed']);
});
