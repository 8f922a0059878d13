import { beforeEach, describe, expect, test } from 'vitest';
import { ReplayWindow } from '../../src/replay/replay-window.ts';

const WINDOW = 1_000;
let now: number;
beforeEach(() => {
  now = 50_000;
});
const windowOf = (maxEntries: number) => new ReplayWindow(WINDOW, maxEntries, () => now);

describe('the memory against replays', () => {
  test('knows what it has seen, and nothing else', () => {
    const memory = windowOf(10);
    expect(memory.has('a')).toBe(false);
    expect(memory.add('a')).toBe('added');
    expect(memory.add('a')).toBe('seen');
    expect(memory.has('a')).toBe(true);
    expect(memory.has('b')).toBe(false);
  });

  test('remembers for two windows at least, whenever in one it was told, and for three at most', () => {
    for (const offset of [0, 1, WINDOW / 2, WINDOW - 1]) {
      now = 50_000;
      const memory = windowOf(10);
      now += offset;
      memory.add('a');
      const told = now;
      for (let later = 0; later <= WINDOW * 2; later += 50) {
        now = told + later;
        expect(memory.has('a'), `${offset} + ${later}`).toBe(true);
      }
      now = told + WINDOW * 3;
      expect(memory.has('a')).toBe(false);
    }
  });

  test('remembers what is added at each turn, also after a long silence', () => {
    const memory = windowOf(10);
    memory.add('a');
    now += WINDOW * 7.5;
    expect(memory.has('a')).toBe(false);
    memory.add('b');
    now += WINDOW;
    expect(memory.add('b')).toBe('seen');
  });

  test('refuses more than it can hold, forgets nothing for it, and takes more after the turn', () => {
    const memory = windowOf(2);
    expect([memory.add('a'), memory.add('b'), memory.add('c')]).toEqual(['added', 'added', 'full']);
    expect(memory.has('a') && memory.has('b')).toBe(true);
    expect(memory.add('a')).toBe('seen');
    now += WINDOW;
    expect(memory.add('c')).toBe('added');
    expect(memory.has('a')).toBe(true);
  });

  test('forgets what it is told to, however long ago it was seen', () => {
    const memory = windowOf(1);
    memory.add('a');
    memory.forget('a');
    expect(memory.add('b')).toBe('added');
    now += WINDOW * 2;
    expect(memory.has('b')).toBe(true);
    memory.forget('b');
    expect(memory.has('b')).toBe(false);
  });
});
