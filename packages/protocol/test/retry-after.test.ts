import { afterEach, describe, expect, test, vi } from 'vitest';
import { parseRetryAfter } from '../src/error-body.ts';

const NOW = Date.UTC(1994, 10, 6, 8, 49, 0);

describe('Retry-After', () => {
  afterEach(() => vi.unstubAllEnvs());

  test.each([
    ['0', 0],
    ['1', 1_000],
    ['120', 120_000],
  ])('of %s seconds is read', (value, wait) => {
    expect(parseRetryAfter({ 'retry-after': value }, NOW)).toBe(wait);
  });

  test.each(['Sun, 06 Nov 1994 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 GMT', 'Sun Nov  6 08:49:37 1994'])(
    'of the HTTP date %s is read, wherever the machine stands (RFC 9110 §5.6.7)',
    (value) => {
      vi.stubEnv('TZ', 'Asia/Tokyo');
      expect(parseRetryAfter({ 'retry-after': value }, NOW)).toBe(37_000);
    },
  );

  test('of a date that has passed asks for no wait', () => {
    expect(parseRetryAfter({ 'retry-after': 'Sun, 06 Nov 1994 08:49:37 GMT' }, NOW + 60_000)).toBe(0);
  });

  test.each(['', 'soon', '-5', '1e3', '0x10', '+1', '2026-01-01', 'NaN', 'Infinity', 'Sun, 99 Nov 1994'])(
    'of %j is not read',
    (value) => {
      expect(parseRetryAfter({ 'retry-after': value }, NOW)).toBeNull();
    },
  );

  test('in milliseconds outranks the one in seconds, where it is readable', () => {
    expect(parseRetryAfter({ 'retry-after-ms': '250', 'retry-after': '9' }, NOW)).toBe(250);
    expect(parseRetryAfter({ 'retry-after-ms': '12.5' }, NOW)).toBe(12.5);
    expect(parseRetryAfter({ 'retry-after-ms': '-1', 'retry-after': '9' }, NOW)).toBe(9_000);
  });

  test('is believed for an hour at most', () => {
    expect(parseRetryAfter({ 'retry-after': '99999999999' }, NOW)).toBe(3_600_000);
    expect(parseRetryAfter({ 'retry-after-ms': '9'.repeat(400) }, NOW)).toBe(3_600_000);
  });

  test('is null where no field is there', () => {
    expect(parseRetryAfter({}, NOW)).toBeNull();
  });
});
