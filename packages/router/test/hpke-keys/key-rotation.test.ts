import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { GenerationSeed } from '../../src/hpke-keys/key-generation.ts';
import { CLOCK_CHECK_MS, KeyRotation } from '../../src/hpke-keys/key-rotation.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW = 1_800_000_000_000;

let seeds: GenerationSeed[];
beforeEach(() => {
  vi.useFakeTimers({ now: NOW });
  seeds = [];
});
afterEach(() => void vi.useRealTimers());

const rotationOf = (rotationMs = DAY_MS, overlapMs = HOUR_MS): KeyRotation =>
  new KeyRotation({ rotationMs, overlapMs }, (seed) => void seeds.push(seed));

describe('the rotation', () => {
  test('makes nothing until it is started, and a generation each period after', async () => {
    const rotation = rotationOf();
    await vi.advanceTimersByTimeAsync(DAY_MS);
    expect(seeds).toHaveLength(0);
    await rotation.rotate();
    expect(seeds).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(DAY_MS - 1);
    expect(seeds).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(seeds).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(3 * DAY_MS);
    expect(seeds).toHaveLength(5);
    expect(new Set(seeds.map(({ epoch }) => epoch)).size).toBe(5);
  });

  test('begins its period anew when it is rotated early', async () => {
    const rotation = rotationOf();
    await rotation.rotate();
    await vi.advanceTimersByTimeAsync(DAY_MS / 2);
    await rotation.rotate();
    await vi.advanceTimersByTimeAsync(DAY_MS - 1);
    expect(seeds).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(seeds).toHaveLength(3);
  });

  test('keeps to a period that is longer than a timer lasts', async () => {
    const rotation = rotationOf(30 * DAY_MS);
    await rotation.rotate();
    await vi.advanceTimersByTimeAsync(30 * DAY_MS - 1);
    expect(seeds).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(seeds).toHaveLength(2);
  });

  test('makes a generation soon after the clock was set past the end of the last', async () => {
    const rotation = rotationOf();
    await rotation.rotate();
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    vi.setSystemTime(NOW + 3 * DAY_MS);
    expect(rotation.live).toEqual([]);
    await vi.advanceTimersByTimeAsync(CLOCK_CHECK_MS);
    expect(rotation.live.map(({ epoch }) => epoch)).toEqual([seeds[1]?.epoch]);
  });

  test('makes one each period although the clock was set back', async () => {
    const rotation = rotationOf();
    await rotation.rotate();
    vi.setSystemTime(NOW - 3 * DAY_MS);
    await vi.advanceTimersByTimeAsync(DAY_MS);
    expect(seeds).toHaveLength(2);
  });

  test('hands out what is in use, oldest first, with the time each has left', async () => {
    const rotation = rotationOf();
    await rotation.rotate();
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    await rotation.rotate();
    expect(rotation.live.map(({ epoch }) => epoch)).toEqual(seeds.map(({ epoch }) => epoch));
    expect(rotation.live.map(({ destroyAtMs }) => destroyAtMs - NOW)).toEqual([2 * HOUR_MS, DAY_MS + 2 * HOUR_MS]);
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    expect(rotation.live.map(({ epoch }) => epoch)).toEqual([seeds[1]?.epoch]);
  });

  test('forgets a seed when its keys are destroyed, though nobody asks', async () => {
    const rotation = rotationOf();
    await rotation.rotate();
    await rotation.rotate();
    await vi.advanceTimersByTimeAsync(HOUR_MS);
    // With the clock turned back it would be in use again, were it still there.
    vi.setSystemTime(NOW);
    expect(rotation.live.map(({ epoch }) => epoch)).toEqual([seeds[1]?.epoch]);
  });

  test('goes on with ids and epochs after a sleep that outlasted all keys', async () => {
    const rotation = rotationOf(900_000, 60_000);
    await rotation.rotate();
    vi.setSystemTime(NOW + DAY_MS / 2);
    await rotation.rotate();
    const [first, second] = seeds;
    expect(second?.firstKeyId).toBe(((first?.firstKeyId ?? 0) + 2) % 256);
    vi.setSystemTime(NOW - DAY_MS);
    await rotation.rotate();
    expect(seeds[2]?.epoch).toBe((second?.epoch ?? 0) + 1);
  });

  test('makes generations one after the other when it is asked for several at once', async () => {
    const rotation = rotationOf();
    await Promise.all([rotation.rotate(), rotation.rotate(), rotation.rotate()]);
    const ids = seeds.map(({ firstKeyId }) => firstKeyId);
    expect(ids).toEqual([ids[0], ((ids[0] ?? 0) + 2) % 256, ((ids[0] ?? 0) + 4) % 256]);
    expect(seeds.map(({ epoch }) => epoch)).toEqual([NOW / 1000, NOW / 1000 + 1, NOW / 1000 + 2]);
    await vi.advanceTimersByTimeAsync(DAY_MS);
    expect(seeds).toHaveLength(4);
  });

  test('keeps nothing and waits for nothing once it is stopped', async () => {
    const rotation = rotationOf();
    await rotation.rotate();
    rotation.stop();
    expect(vi.getTimerCount()).toBe(0);
    expect(rotation.live).toEqual([]);
    await vi.advanceTimersByTimeAsync(2 * DAY_MS);
    expect(seeds).toHaveLength(1);
  });
});
