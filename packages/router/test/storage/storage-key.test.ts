import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { deriveKey, readStorageKey } from '../../src/storage/storage-key.ts';
import { STORAGE_KEY, testFolder } from './folder.ts';

const TEXT = Buffer.from(STORAGE_KEY).toString('base64');

describe('the storage key', () => {
  test('is read from the configuration, the environment or a file', async () => {
    const keyFile = join(testFolder(), 'key');
    writeFileSync(keyFile, `${TEXT}\n`);
    expect(await readStorageKey({ key: TEXT }, {}, true)).toEqual(STORAGE_KEY);
    expect(await readStorageKey({ keyEnv: 'KEY' }, { KEY: TEXT }, true)).toEqual(STORAGE_KEY);
    expect(await readStorageKey({ keyFile }, {}, true)).toEqual(STORAGE_KEY);
  });

  test('is made where nothing lasts, another each time', async () => {
    const [one, other] = [await readStorageKey(undefined, {}, false), await readStorageKey(undefined, {}, false)];
    expect(one).toHaveLength(32);
    expect(one).not.toEqual(other);
  });

  test.each([
    ['nothing', undefined],
    ['an empty one', { key: '' }],
    ['31 bytes', { key: Buffer.alloc(31).toString('base64') }],
    ['33 bytes', { key: Buffer.alloc(33).toString('base64') }],
    ['base64url', { key: Buffer.alloc(32, 0xff).toString('base64url') }],
    ['no padding', { key: TEXT.slice(0, -1) }],
    ['bits behind its end', { key: `${TEXT.slice(0, -2)}d=` }],
    ['hexadecimal', { key: '07'.repeat(32) }],
    ['a variable that is not set', { keyEnv: 'NOT_SET' }],
    ['a file that is not there', { keyFile: '/no/such/file' }],
  ])('of %s is refused, and not repeated', async (_what, source) => {
    const reading = readStorageKey(source, {}, true);
    await expect(reading).rejects.toMatchObject({ name: 'ConfigurationError', code: 'invalid_config' });
    if (source !== undefined && 'key' in source && source.key !== '') {
      await expect(reading).rejects.not.toThrow(source.key);
    }
  });
});

test('a derived key is HKDF-SHA-256 of the storage key without salt', () => {
  // Made with Python's hmac and hashlib.
  expect(Buffer.from(deriveKey(STORAGE_KEY, 'sotto/conversations/v1')).toString('hex')).toBe(
    '8a312aea36b134830e9ebe85e9b850fa26bc928fba8a82e28a918b23d56d91b3',
  );
  expect(Buffer.from(deriveKey(STORAGE_KEY, 'sotto/virtual-keys/v1')).toString('hex')).toBe(
    'b38bfe4f2bda5adcad5c01a53fc0617aa7f74d76a05b128cb1d577cf3ece283c',
  );
});
