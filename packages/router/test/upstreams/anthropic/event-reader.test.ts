import { describe, expect, test } from 'vitest';
import { EventReader, MAX_EVENT_BYTES } from '../../../src/upstreams/anthropic/event-reader.ts';

const encoded = (text: string) => new TextEncoder().encode(text);

/** Events of a text that comes in pieces of `size` bytes. */
function read(text: string, size = Number.POSITIVE_INFINITY): readonly string[] {
  const reader = new EventReader();
  const bytes = encoded(text);
  const events: string[] = [];
  for (let at = 0; at < bytes.length; at += size) events.push(...reader.read(bytes.subarray(at, at + size)));
  return events;
}

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

  test('and not for those before it', () => {
    expect(read(`data: ${'x'.repeat(1_000)}\n\n`.repeat(2_000), 65_536)).toHaveLength(2_000);
  });
});
