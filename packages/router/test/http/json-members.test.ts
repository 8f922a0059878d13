import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { editJsonObject } from '../../src/http/json-members.ts';

const edit = (text: string, edits: Record<string, string | null>): string =>
  editJsonObject(Buffer.from(text), edits).toString('utf8');

describe('editing members of a JSON object', () => {
  test.each([
    ['{"a":1,"b":2}', { a: '3' }, '{"a":3,"b":2}'],
    ['{"a":1,"b":2}', { b: null }, '{"a":1}'],
    ['{"a":1}', { a: null }, '{}'],
    ['{}', { a: '"x"' }, '{"a":"x"}'],
    [' {\n} ', { a: '1' }, '{"a":1}'],
    ['{ "a" : [1, {"a":2}] ,\t"b":{"a":"}"} }', { a: 'true' }, '{"a":true,"b":{"a":"}"}}'],
    ['{"s":"\\\\","t":"\\"a\\":1","a":1}', { a: '2' }, '{"s":"\\\\","t":"\\"a\\":1","a":2}'],
    ['{"n":12345678901234567890,"e":1.50e400,"a":1}', { a: null }, '{"n":12345678901234567890,"e":1.50e400}'],
    ['{"n":-1 ,"f":false,"z":null}', { f: 'true' }, '{"n":-1,"f":true,"z":null}'],
    ['{"a":1,"a":2}', {}, '{"a":2}'],
    ['{"\\u0061":1,"b":2,"a":3}', {}, '{"b":2,"a":3}'],
    ['{"\\u0061":1,"b":2}', { a: '5' }, '{"a":5,"b":2}'],
    ['{"ü":"ü"}', { ä: '1' }, '{"ü":"ü","ä":1}'],
    ['{"__proto__":1,"constructor":2}', { toString: '3' }, '{"__proto__":1,"constructor":2,"toString":3}'],
  ])('%s with %j is %s', (text, edits, expected) => {
    expect(edit(text, edits)).toBe(expected);
  });

  test('agrees with JSON.parse on any object, however it is spaced', () => {
    const space = fc.constantFrom(undefined, 1, '\t', ' \r\n');
    const value = fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('a', 'b')), fc.jsonValue());
    fc.assert(
      fc.property(value, space, fc.jsonValue(), (object, indent, added) => {
        const text = JSON.stringify(object, null, indent);
        const parsed = JSON.parse(text) as Record<string, unknown>;
        const { b: _gone, ...rest } = parsed;
        const expected = { ...rest, a: JSON.parse(JSON.stringify(added)) as unknown };
        expect(JSON.parse(edit(text, { a: JSON.stringify(added), b: null }))).toEqual(expected);
        expect(JSON.parse(edit(text, {}))).toEqual(parsed);
      }),
    );
  });
});
