import { describe, expect, test } from 'vitest';
import { cacheSalts } from '../../src/openai/cache-salt.ts';

describe('a cache salt', () => {
  test('is the same for the same key, salt and secret, and differs where any of them does', () => {
    const salt = cacheSalts('secret');
    const other = cacheSalts('secret 2');
    const all = [salt('a', ''), salt('b', ''), salt('a', 'x'), salt('a', 'y'), salt('ax', ''), other('a', '')];
    expect(new Set(all).size).toBe(all.length);
    expect(salt('a', '')).toBe(cacheSalts('secret')('a', ''));
    expect(salt('a', 'x')).toBe(cacheSalts('secret')('a', 'x'));
    for (const each of all) expect(each).toMatch(/^[\w-]{43}$/);
  });
});
