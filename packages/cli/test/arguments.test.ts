import { expect, test } from 'vitest';
import { onePositional, parseArguments, UsageError, wholeNumber } from '../src/arguments.ts';

const options = { port: { type: 'string' }, json: { type: 'boolean' } } as const;

test('options and positionals are told apart', () => {
  const { values, positionals } = parseArguments(['hello', '--port', '1', '--json'], options);
  expect({ ...values }).toEqual({ port: '1', json: true });
  expect(positionals).toEqual(['hello']);
});

test.each([[['--prot', '1']], [['--port']], [['--json=yes']]])('%j is refused', (args) => {
  expect(() => parseArguments(args, options)).toThrow(UsageError);
});

test('a whole number is taken within its bounds only', () => {
  expect(wholeNumber('0', 'port', 0, 65_535)).toBe(0);
  expect(wholeNumber('65535', 'port', 0, 65_535)).toBe(65_535);
  for (const value of ['65536', '-1', '1.5', '1e3', '0x10', ' 1', '', 'one']) {
    expect(() => wholeNumber(value, 'port', 0, 65_535), value).toThrow('--port takes a whole number from 0 to 65535');
  }
});

test('one positional is one', () => {
  expect(onePositional(['a'], 'a file')).toBe('a');
  expect(() => onePositional([], 'a file')).toThrow('give a file');
  expect(() => onePositional(['a', 'b'], 'a file')).toThrow(UsageError);
});
