import { describe, expect, test } from 'vitest';
import { jsonFault } from '../../src/http/json-fault.ts';

const at = (text: string): string => jsonFault(Buffer.from(text));

describe('what is wrong with a body', () => {
  test.each([
    ['{"a":1,}', 'position 7 (line 1, column 8)'],
    ['{"a" 1}', 'position 5 (line 1, column 6)'],
    ['{\n  "a": tru\n}', 'position 9 (line 2, column 8)'],
    ['{"a":1} x', 'position 8 (line 1, column 9)'],
    ['{"a":"\t"}', 'position 5 (line 1, column 6)'],
    ['{"a":1', 'position 6 (line 1, column 7)'],
    ['{"a":/* secret */1}', 'position 5 (line 1, column 6)'],
  ])('%j is told at its place, without what stands there', (text, place) => {
    expect(at(text)).toContain(place);
    expect(at(text)).not.toMatch(/secret|tru\b/);
  });

  test.each([
    ['', /empty/],
    ['[]', /not a JSON object/],
    ['null', /not a JSON object/],
    ['"text"', /not a JSON object/],
  ])('%j is told for what it is', (text, words) => {
    expect(at(text)).toMatch(words);
  });

  test('bytes that are not UTF-8 are told for what they are', () => {
    expect(jsonFault(Uint8Array.of(0x7b, 0xff, 0x7d))).toContain('UTF-8');
  });

  test('is not searched for in texts that are too long or nested too deeply', () => {
    expect(at(`{"a":"${'x'.repeat(1_100_000)}",}`)).toBe('the body is not a JSON object');
    expect(at(`{"a":${'['.repeat(500_000)}`)).toBe('the body is not a JSON object');
  });
});
