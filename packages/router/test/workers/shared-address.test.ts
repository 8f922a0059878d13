import { expect, test } from 'vitest';
import { SharedAddress } from '../../src/workers/shared-address.ts';

test('workers ask for what the configuration says while one of them listens, and then for what they were given', () => {
  const address = new SharedAddress<string>('127.0.0.1:0');
  expect(address.listens('a', 'http://127.0.0.1:4711')).toBe(true);
  expect(address.listens('b', 'http://127.0.0.1:4711')).toBe(true);
  address.left('a');
  expect(address.next).toBe('127.0.0.1:0');
  address.left('b');
  expect(address.next).toBe('127.0.0.1:4711');
  expect(address.listens('c', 'http://127.0.0.1:4711')).toBe(true);
  expect(address.next).toBe('127.0.0.1:4711');
});

test('one that was given another port while the last of the others died is not taken', () => {
  const address = new SharedAddress<string>('127.0.0.1:0');
  address.listens('a', 'https://127.0.0.1:4711');
  address.left('a');
  expect(address.listens('late', 'https://127.0.0.1:4712')).toBe(false);
  address.left('late');
  expect(address.next).toBe('127.0.0.1:4711');
});

test.each([
  ['[::1]:0', 'http://[::1]:4711', '[::1]:4711'],
  ['unix:/run/sotto.sock', 'unix:/run/sotto.sock', 'unix:/run/sotto.sock'],
  ['0.0.0.0:80', 'http://0.0.0.0:80', '0.0.0.0:80'],
])('%s comes back as what can be listened at', (listen, url, next) => {
  const address = new SharedAddress<string>(listen);
  address.listens('a', url);
  address.left('a');
  expect(address.next).toBe(next);
});
