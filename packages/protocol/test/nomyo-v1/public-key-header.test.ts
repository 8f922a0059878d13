import { describe, expect, test } from 'vitest';
import { decodePublicKeyHeader, encodePublicKeyHeader } from '../../src/nomyo-v1/public-key-header.ts';
import { thrownBy } from '../thrown.ts';

const PEM = '-----BEGIN PUBLIC KEY-----\nab+/cd==\n-----END PUBLIC KEY-----';

describe('X-Public-Key', () => {
  test('is read back as it was written, without the white space around it', () => {
    expect(decodePublicKeyHeader(encodePublicKeyHeader(`${PEM}\n`))).toBe(PEM);
    expect(encodePublicKeyHeader(PEM)).toMatch(/^[!-~]+$/);
  });

  test("is read with slashes bare and a newline at its end, as Python's quote leaves it", () => {
    const quoted = encodeURIComponent(`${PEM}\n`).replaceAll('%2F', '/');
    expect(decodePublicKeyHeader(quoted)).toBe(`${PEM}\n`);
  });

  test('keeps a plus sign a plus sign', () => {
    expect(decodePublicKeyHeader('a+b%2Bc')).toBe('a+b+c');
  });

  test.each([
    ['absent', undefined],
    ['empty', ''],
    ['cut inside an escape', 'a%2'],
    ['an escape of no hexadecimal', '%zz'],
    ['not UTF-8 once decoded', '%ff%fe'],
    ['too long', 'a'.repeat(49_153)],
  ])('is refused where it is %s', async (_what, value) => {
    expect(await thrownBy(() => decodePublicKeyHeader(value))).toMatchObject({
      status: 400,
      code: 'invalid_public_key',
    });
  });
});
