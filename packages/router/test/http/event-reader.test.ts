import { describe, expect, test } from 'vitest';
import { EventReader } from '../../src/http/event-reader.ts';

const MAX_EVENT_BYTES = 1024 * 1024;

/** Events of a text that comes in pieces of `size` bytes. */
function read(text: string, size = Number.POSITIVE_INFINITY): readonly string[] {
  const reader = new EventReader(MAX_EVENT_BYTES);
  const bytes = new TextEncoder().encode(text);
  const events: string[] = [];
  for (let at = 0; at < bytes.length; at += size) events.push(...reader.read(bytes.subarray(at, at + size)));
  return events;
}

const CASES: readonly (readonly [string, string, readonly string[]])[] = [
  ['one event', 'data: a\n\n', ['a']],
  ['all three line ends', 'data: a\r\n\r\ndata: b\r\rdata: c\n\n', ['a', 'b', 'c']],
  ['several lines', 'data: a\ndata:b\ndata\n\n', ['a\nb\n']],
  ['one space taken and no more', 'data:  a\n\n', [' a']],
  ['comments and other fields', ': x\nevent: y\nid: 1\ndata: a\nretry: 5\ndatabase: no\n\n', ['a']],
  ['blank lines and events without data', '\n\nevent: x\n\ndata: a\n\n\n\n', ['a']],
  ['characters of several bytes', 'data: grüß 🙂\n\n', ['grüß 🙂']],
  ['an event without its end', 'data: a\n\ndata: b\n', ['a']],
  ['a byte order mark before it', '\uFEFFdata: a\n\n', ['a']],
  ['a byte order mark later on', 'data: a\n\n\uFEFFdata: b\n\n', ['a']],
];

describe.each(CASES)('a stream with %s', (_what, text, expected) => {
  test.each([1, 2, 3, 1_000])('is read in pieces of %d bytes', (size) => {
    expect(read(text, size)).toEqual(expected);
  });
});

describe.each([
  ['whole', Number.POSITIVE_INFINITY],
  ['byte by byte', 1],
  ['in threes', 3],
])('a stream read %s', (_how, size) => {
  test.each([
    ['\n', 'line feeds'],
    ['\r\n', 'both'],
    ['\r', 'carriage returns'],
  ])('ends its lines with %j', (end) => {
    const text = ['event: a', 'data: {"x":1}', '', ': comment', 'data:é', '', 'id: 7', '', 'data: 3', ''].join(end);
    expect(read(text + end, size)).toEqual(['{"x":1}', 'é', '3']);
  });

  test('joins the lines of one event', () => {
    expect(read('data: a\ndata:  b\ndata\n\n', size)).toEqual(['a\n b\n']);
  });

  test('leaves out an event that did not end', () => {
    expect(read('data: a\n\ndata: b\n', size)).toEqual(['a']);
  });

  test('takes no blank line between CR and LF for an event’s end', () => {
    expect(read('data: a\r\ndata: b\r\n\r\n', size)).toEqual(['a\nb']);
  });
});

describe('an event that is too long is refused', () => {
  test('in one line', () => {
    expect(() => read(`data: ${'x'.repeat(MAX_EVENT_BYTES)}`, 65_536)).toThrow(
      expect.objectContaining({ code: 'upstream_invalid_response' }),
    );
  });

  test('in many', () => {
    const line = `data: ${'x'.repeat(1_000)}\n`;
    expect(() => read(line.repeat(1_100), 65_536)).toThrow(
      expect.objectContaining({ code: 'upstream_invalid_response' }),
    );
  });

  test.each([
    ['in one line', 'data: ', 'x'],
    ['in many lines', '', 'data: xxxxxxxx\n'],
  ])('before it is held, %s, however small the pieces', (_how, begin, more) => {
    const reader = new EventReader(1_000);
    const take = (text: string) => [...reader.read(Buffer.from(text))];
    take(begin);
    expect(() => {
      for (let at = 0; at < 1_001; at++) take(more);
    }).toThrow(expect.objectContaining({ code: 'upstream_invalid_response' }));
  });

  test('and not for those before it', () => {
    expect(read(`data: ${'x'.repeat(1_000)}\n\n`.repeat(2_000), 65_536)).toHaveLength(2_000);
  });

  test('once those before it are told', () => {
    const events: string[] = [];
    expect(() => {
      for (const data of new EventReader(1_000).read(Buffer.from(`data: a\n\ndata: ${'x'.repeat(1_000)}`))) {
        events.push(data);
      }
    }).toThrow(expect.objectContaining({ code: 'upstream_invalid_response' }));
    expect(events).toEqual(['a']);
  });
});
