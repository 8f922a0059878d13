import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { GenerationSeed } from '../../src/hpke-keys/key-generation.ts';
import { KeySchedule } from '../../src/hpke-keys/key-schedule.ts';
import { type GenerationBoard, SharedRotation } from '../../src/hpke-keys/shared-rotation.ts';

const HOUR_MS = 3_600_000;
const PERIODS = { rotationMs: 24 * HOUR_MS, overlapMs: HOUR_MS };
let now: number;
let up: GenerationSeed[];
let away: boolean;

beforeEach(() => {
  [now, up, away] = [1_800_000_000_000, [], false];
});

const check = (): void => {
  if (away) throw new Error('away');
};

/** A board in memory, which can be away. */
const board: GenerationBoard = {
  read: async () => {
    check();
    return up.filter((seed) => seed.destroyAtMs > now);
  },
  post: async (seed, after) => {
    check();
    up = up.filter((other) => other.destroyAtMs > now);
    if ((up.at(-1)?.epoch ?? null) !== after) return false;
    up.push(seed);
    return true;
  },
  restore: async (seeds) => {
    check();
    up = [...up, ...seeds].sort((one, other) => one.epoch - other.epoch);
  },
};

/** One of those who share keys, with what it serves with. */
async function member() {
  const keys = new KeySchedule(() => now);
  const rotation = new SharedRotation({ board, periods: PERIODS, onSeed: (seed) => keys.add(seed), now: () => now });
  onTestFinished(() => {
    rotation.stop();
    keys.destroy();
  });
  await rotation.start();
  return { rotation, keys, listed: () => keys.current.seed.firstKeyId };
}

type Member = Awaited<ReturnType<typeof member>>;
const syncAll = async (...members: readonly Member[]): Promise<void> => {
  for (const { rotation } of members) await rotation.sync();
};

describe('keys that rotate together', () => {
  test('are made by who comes first, and taken over by who comes later', async () => {
    const [one, other] = [await member(), await member()];
    expect(up).toHaveLength(1);
    expect(other.keys.encodedConfigs).toEqual(one.keys.encodedConfigs);
  });

  test('do not begin where the board is away', async () => {
    away = true;
    await expect(member()).rejects.toThrow('away');
  });

  test('are made once when they are due, however many notice it', async () => {
    const members = [await member(), await member(), await member()];
    now += PERIODS.rotationMs;
    await Promise.all(members.map(({ rotation }) => rotation.sync()));
    await syncAll(...members);
    expect(up).toHaveLength(2);
    now += 2_000;
    expect(new Set(members.map(({ listed }) => listed()))).toEqual(new Set([up[1]?.firstKeyId]));
  });

  test('are opened by all before any of them tells clients', async () => {
    const [one, other] = [await member(), await member()];
    const first = one.listed();
    await one.rotation.rotate();
    const next = up[1]?.firstKeyId ?? 0;
    expect([one.listed(), other.listed()]).toEqual([first, first]);
    await other.rotation.sync();
    expect([one.keys.find(next), other.keys.find(next)].every((key) => key !== undefined)).toBe(true);
    now += 2_000;
    expect([one.listed(), other.listed()]).toEqual([next, next]);
  });

  test('are derived alike by all while the board is away, and made anew when it is back', async () => {
    const [one, other] = [await member(), await member()];
    away = true;
    now += PERIODS.rotationMs - 1;
    await syncAll(one, other);
    expect([one.rotation.live.length, other.rotation.live.length]).toEqual([1, 1]);
    now += 1;
    await syncAll(one);
    now += 7_000;
    await syncAll(other);
    expect(other.rotation.live).toEqual(one.rotation.live);
    expect(one.rotation.live).toHaveLength(2);
    now += 60_000;
    expect(other.keys.encodedConfigs).toEqual(one.keys.encodedConfigs);
    const derived = one.listed();
    const epochs = [one.keys.current.seed.epoch];

    away = false;
    await syncAll(one, other);
    await syncAll(one, other);
    now += 2_000;
    epochs.push(one.keys.current.seed.epoch);
    expect(one.listed()).not.toBe(derived);
    expect(one.keys.find(derived)).toBeDefined();
    expect(other.keys.encodedConfigs).toEqual(one.keys.encodedConfigs);
    expect(epochs[1]).toBeGreaterThan(epochs[0] ?? 0);
    expect(up).toHaveLength(3);
  });

  test('cannot be told from those that followed them', async () => {
    const one = await member();
    const before = one.rotation.live[0]?.secrets ?? [];
    away = true;
    now += PERIODS.rotationMs;
    await syncAll(one);
    const after = one.rotation.live[1]?.secrets ?? [];
    expect(after).toHaveLength(before.length);
    expect(after.some((secret) => before.includes(secret))).toBe(false);
  });

  test('are all there again after the board has lost them', async () => {
    const [one, other] = [await member(), await member()];
    up = [];
    await syncAll(one, other);
    expect(up).toHaveLength(1);
    const third = await member();
    expect(third.keys.encodedConfigs).toEqual(one.keys.encodedConfigs);
  });

  test('converge where one could not reach the board and the others could', async () => {
    const [one, other] = [await member(), await member()];
    now += PERIODS.rotationMs;
    await syncAll(one);
    away = true;
    await syncAll(other);
    away = false;
    for (let round = 0; round < 3; round++) await syncAll(other, one);
    now += 61_000;
    await syncAll(one, other);
    expect(other.keys.encodedConfigs).toEqual(one.keys.encodedConfigs);
    expect(other.keys.current.seed.epoch).toBe(one.keys.current.seed.epoch);
  });

  test('go on growing in epoch after all of them were over', async () => {
    const one = await member();
    const { epoch } = one.keys.current.seed;
    now += 10 * PERIODS.rotationMs;
    await syncAll(one);
    expect(one.keys.current.seed.epoch).toBeGreaterThan(epoch);
  });
});
