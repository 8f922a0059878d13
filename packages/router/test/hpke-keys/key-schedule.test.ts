import { parseKeyConfigs } from '@sotto/protocol/ohttp';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type GenerationSeed, nextSeed } from '../../src/hpke-keys/key-generation.ts';
import { KeySchedule } from '../../src/hpke-keys/key-schedule.ts';

const HOUR_MS = 3_600_000;
const PERIODS = { rotationMs: 24 * HOUR_MS, overlapMs: HOUR_MS };
const NOW = 1_800_000_000_000;

beforeEach(() => void vi.useFakeTimers({ now: NOW }));
afterEach(() => void vi.useRealTimers());

let last: GenerationSeed | null = null;
beforeEach(() => {
  last = null;
});

/** Adds the next generation, now. @returns its first key id */
async function addNext(keys: KeySchedule): Promise<number> {
  last = nextSeed(last, PERIODS, Date.now());
  await keys.add(last);
  return last.firstKeyId;
}

const listed = (keys: KeySchedule): number[] => parseKeyConfigs(keys.encodedConfigs).map(({ keyId }) => keyId);

describe('the key schedule', () => {
  test('has nothing to offer before its first generation', () => {
    const keys = new KeySchedule();
    expect(() => keys.current).toThrow(RangeError);
    expect(keys.find(0)).toBeUndefined();
    expect(keys.encodedConfigs).toHaveLength(0);
    expect(keys.ehbpKeyPairs).toEqual([]);
  });

  test('lists the newest generation first', async () => {
    const keys = new KeySchedule();
    const first = await addNext(keys);
    expect(listed(keys)).toEqual([first, (first + 1) % 256]);
    const second = await addNext(keys);
    expect(listed(keys)).toEqual([second, (second + 1) % 256, first, (first + 1) % 256]);
    expect(keys.current.seed.firstKeyId).toBe(second);
  });

  test('keeps out what was on its way when others took the place of all', async () => {
    const keys = new KeySchedule();
    const first = await addNext(keys);
    const sole = nextSeed(last, PERIODS, Date.now());
    const serve = await keys.prepareSole(sole);
    const late = keys.add(nextSeed(sole, PERIODS, Date.now()));
    serve();
    await late;
    expect(listed(keys)).toEqual([sole.firstKeyId, (sole.firstKeyId + 1) % 256]);
    expect(keys.find(first)).toBeUndefined();
    expect(keys.find((sole.firstKeyId + 2) % 256)).toBeUndefined();
  });

  test('opens the old keys for the overlap, and not a moment longer', async () => {
    const keys = new KeySchedule();
    const first = await addNext(keys);
    const [firstEhbp] = keys.ehbpKeyPairs;
    vi.setSystemTime(NOW + PERIODS.rotationMs);
    const second = await addNext(keys);
    vi.setSystemTime(NOW + PERIODS.rotationMs + PERIODS.overlapMs - 1);
    expect(keys.find(first)).toBeDefined();
    expect(keys.ehbpKeyPairs).toHaveLength(2);
    expect(keys.ehbpKeyPairs[1]).toBe(firstEhbp);
    vi.setSystemTime(NOW + PERIODS.rotationMs + PERIODS.overlapMs);
    expect(keys.find(first)).toBeUndefined();
    expect(keys.find((first + 1) % 256)).toBeUndefined();
    expect(keys.ehbpKeyPairs).toHaveLength(1);
    expect(listed(keys)).toEqual([second, (second + 1) % 256]);
    expect(keys.find(second)).toBeDefined();
  });

  test('cuts the time of the old keys short when it is rotated early', async () => {
    const keys = new KeySchedule();
    const first = await addNext(keys);
    vi.setSystemTime(NOW + HOUR_MS);
    await addNext(keys);
    vi.setSystemTime(NOW + 2 * HOUR_MS - 1);
    expect(keys.find(first)).toBeDefined();
    vi.setSystemTime(NOW + 2 * HOUR_MS);
    expect(keys.find(first)).toBeUndefined();
  });

  test('never gives old keys more time than they had', async () => {
    const keys = new KeySchedule();
    const first = await addNext(keys);
    vi.setSystemTime(NOW + PERIODS.rotationMs + HOUR_MS / 2);
    await addNext(keys);
    vi.setSystemTime(NOW + PERIODS.rotationMs + HOUR_MS);
    expect(keys.find(first)).toBeUndefined();
  });

  test('lets go of keys when their time is over though nobody asks', async () => {
    const keys = new KeySchedule();
    await addNext(keys);
    await addNext(keys);
    const waiting = vi.getTimerCount();
    await vi.advanceTimersByTimeAsync(PERIODS.overlapMs);
    // The one timer left is for the end of the newer generation.
    expect([waiting, vi.getTimerCount()]).toEqual([1, 1]);
    vi.setSystemTime(NOW);
    // Even with the clock turned back they are gone.
    expect(keys.ehbpKeyPairs).toHaveLength(1);
  });

  test('is empty, and waits for nothing, once it is destroyed', async () => {
    const keys = new KeySchedule();
    const first = await addNext(keys);
    keys.destroy();
    expect(keys.find(first)).toBeUndefined();
    expect(keys.encodedConfigs).toHaveLength(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('says how long its newest keys may be kept, down to nothing', async () => {
    const keys = new KeySchedule();
    await addNext(keys);
    expect(keys.maxAgeSeconds).toBe(86_400);
    vi.setSystemTime(NOW + HOUR_MS + 1);
    expect(keys.maxAgeSeconds).toBe(82_799);
    vi.setSystemTime(NOW + PERIODS.rotationMs);
    expect(keys.maxAgeSeconds).toBe(0);
    vi.setSystemTime(NOW + PERIODS.rotationMs + HOUR_MS / 2);
    expect(keys.maxAgeSeconds).toBe(0);
  });

  test('that is rotated by hand again and again still opens all, and lists no more than clients read', async () => {
    const keys = new KeySchedule();
    const ids: number[] = [];
    for (let count = 0; count < 60; count++) ids.push(await addNext(keys));
    for (const id of ids) expect(keys.find(id)).toBeDefined();
    expect(listed(keys)).toHaveLength(16);
    expect(listed(keys)[0]).toBe(ids.at(-1));
    expect(keys.ehbpKeyPairs).toHaveLength(4);
  });
});
