import { describe, expect, test } from 'vitest';
import { EventReader } from '../../src/websocket/event-reader.ts';

const CASES: readonly (readonly [string, string, readonly string[]])[] = [
  ['one event', 'data: a\n\n', ['a']],
  ['all three line ends', 'data: a\r\n\r\ndata: b\r\rdata: c\n\n', ['a', 'b', 'c']],
  ['several lines', 'data: a\ndata:b\ndata\n\n', ['a\nb\n']],
  ['one space taken and no more', 'data:  a\n\n', [' a']],
  ['comments and other fields', ': x\nevent: y\nid: 1\ndata: a\nretry: 5\ndatabase: no\n\n', ['a']],
  ['blank lines and events without data', '\n\nevent: x\n\ndata: a\n\n\n\n', ['a']],
  ['characters of several bytes', 'data: grüß 🙂\n\n', ['grüß 🙂']],
  ['an event without its end', 'data: a\n\ndata: b\n', ['a']],
];

describe.each(CASES)('a stream with %s', (_what, text, expected) => {
  test.each([1, 2, 3, 1_000])('is read in pieces of %d bytes', (size) => {
    const events: string[] = [];
    const reader = new EventReader((data) => events.push(data), 1_000);
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
    expect(events).toEqual(expected);
  });
});

test.each([
  ['in one line', 'data: ', 'x'],
  ['in many lines', '', 'data: xxxxxxxx\n'],
])('an event too long, %s, is refused before it is held', (_how, begin, more) => {
  const reader = new EventReader(() => {}, 1_000);
  reader.push(Buffer.from(begin));
  expect(() => {
    for (let at = 0; at < 1_001; at++) reader.push(Buffer.from(more));
  }).toThrow(expect.objectContaining({ code: 'upstream_invalid_response' }));
});
