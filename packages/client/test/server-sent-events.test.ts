import { describe, expect, test } from 'vitest';
import { type ServerSentEvent, ServerSentEventParser } from '../src/server-sent-events.ts';

const encoder = new TextEncoder();

function parse(text: string, pieceBytes = Number.POSITIVE_INFINITY): readonly ServerSentEvent[] {
  const parser = new ServerSentEventParser();
  const bytes = encoder.encode(text);
  const events: ServerSentEvent[] = [];
  for (let offset = 0; offset < bytes.length; offset += pieceBytes) {
    events.push(...parser.push(bytes.subarray(offset, offset + pieceBytes)));
  }
  return events;
}

function message(data: string): ServerSentEvent {
  return { type: 'message', data };
}

describe.each([
  ['whole', Number.POSITIVE_INFINITY],
  ['byte by byte', 1],
  ['two bytes at a time', 2],
])('an event stream, %s', (_, pieceBytes) => {
  test.each([
    ['LF', 'data: a\n\ndata: b\n\n', [message('a'), message('b')]],
    ['CRLF', 'data: a\r\n\r\ndata: b\r\n\r\n', [message('a'), message('b')]],
    ['CR', 'data: a\r\rdata: b\r\r', [message('a'), message('b')]],
    ['mixed ends', 'data: a\r\n\ndata: b\r\r\n', [message('a'), message('b')]],
    ['several data lines', 'data: a\ndata: b\n\n', [message('a\nb')]],
    ['comments', ': keep-alive\n\n:\ndata: a\n: more\n\n', [message('a')]],
    ['a type', 'event: error\ndata: a\n\ndata: b\n\n', [{ type: 'error', data: 'a' }, message('b')]],
    ['no space after the colon', 'data:a\ndata:  b\n\n', [message('a\n b')]],
    ['a field without a colon', 'data\ndata\n\n', [message('\n')]],
    ['unknown fields', 'id: 7\nretry: 10\nother: x\ndata: a\n\n', [message('a')]],
    ['a byte order mark at the start', '\uFEFFdata: a\n\n', [message('a')]],
    ['a byte order mark elsewhere', 'data: a\n\n\uFEFFdata: b\n\n', [message('a')]],
    ['an event without data', 'event: x\n\ndata: a\n\n', [message('a')]],
    ['an end before the empty line', 'data: a\n\ndata: b\n', [message('a')]],
    ['characters of several bytes', 'data: żółć 🔐\n\n', [message('żółć 🔐')]],
    ['other line separators inside data', 'data: a\u2028b\u0085c\n\n', [message('a\u2028b\u0085c')]],
  ])('with %s', (__, text, expected) => {
    expect(parse(text, pieceBytes)).toEqual(expected);
  });
});

test('an LF that comes after its CR in a later piece ends no second line', () => {
  const parser = new ServerSentEventParser();
  expect(parser.push(encoder.encode('data: a\r'))).toEqual([]);
  expect(parser.push(encoder.encode('\n'))).toEqual([]);
  expect(parser.push(encoder.encode('\r'))).toEqual([message('a')]);
  expect(parser.push(encoder.encode('\ndata: b\n\n'))).toEqual([message('b')]);
});

test.each(['data: ', ''])('an event that does not end is refused before it fills the memory ("%s")', (start) => {
  const parser = new ServerSentEventParser();
  const piece = new Uint8Array(1_048_576).fill(97);
  parser.push(encoder.encode(start));
  expect(() => {
    for (let index = 0; index < 17; index++) parser.push(piece);
  }).toThrow(expect.objectContaining({ code: 'invalid_response' }) as unknown);
});

test('many short data lines of one event are counted too', () => {
  const parser = new ServerSentEventParser();
  const lines = encoder.encode(`data: ${'a'.repeat(1_000)}\n`.repeat(1_000));
  expect(() => {
    for (let index = 0; index < 18; index++) parser.push(lines);
  }).toThrow(expect.objectContaining({ code: 'invalid_response' }) as unknown);
});
