import { describe, expect, test } from 'vitest';
import { UnwrapPool } from '../../src/pki/unwrap-pool.ts';
import { type Gate, gate } from '../eventually.ts';

const copyThat = (decrypt: (data: Uint8Array) => Promise<Uint8Array>) => ({ modulusBytes: 256, decrypt });

describe('the copies of the private key', () => {
  test('take turns, so that none waits for another', async () => {
    const asked: number[] = [];
    const copies = [0, 1, 2].map((index) =>
      copyThat((data) => {
        asked.push(index);
        return Promise.resolve(data);
      }),
    );
    const [first, ...others] = copies;
    if (first === undefined) throw new Error('no copy');
    const pool = new UnwrapPool([first, ...others], 10);
    for (let turn = 0; turn < 6; turn++) await pool.decrypt(new Uint8Array(1));
    expect([...asked].sort()).toEqual([0, 0, 1, 1, 2, 2]);
    expect(new Set(asked.slice(0, 3)).size).toBe(3);
  });

  test('admit one a copy and those that may wait, refuse the next, and admit again when one is done', async () => {
    const pool = new UnwrapPool([copyThat((data) => Promise.resolve(data))], 1);
    const gates: Gate[] = [gate(), gate()];
    const running = gates.map((each) => pool.admit(() => each.opened));
    await expect(pool.admit(() => Promise.resolve())).rejects.toMatchObject({
      status: 503,
      code: 'overloaded',
      retryAfterMs: 1_000,
    });
    gates[0]?.open();
    await running[0];
    await pool.admit(() => Promise.resolve());
    await expect(pool.admit(() => Promise.reject(new Error('broken work')))).rejects.toThrow('broken work');
    await pool.admit(() => Promise.resolve());
    gates[1]?.open();
    await running[1];
  });
});
