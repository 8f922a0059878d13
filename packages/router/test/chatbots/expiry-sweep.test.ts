import { describe, expect, onTestFinished, test } from 'vitest';
import { startExpirySweep, sweepExpired } from '../../src/chatbots/expiry-sweep.ts';
import { eventually } from '../eventually.ts';
import { type MemoryConversations, memoryConversations } from './memory-stores.ts';

async function filled(count: number, expiresAtMs: number): Promise<MemoryConversations> {
  const store = memoryConversations();
  const sealed = new Uint8Array();
  for (let index = 0; index < count; index++) {
    await store.save({ id: `conv_${index}`, chatbotId: 'b', keyId: 'k', version: 1, sealed, expiresAtMs });
  }
  return store;
}

describe('the sweep of conversations whose time is over', () => {
  test('deletes all of them in batches, and none that has time left', async () => {
    const store = await filled(1_200, 10);
    await store.save({
      id: 'later',
      chatbotId: 'b',
      keyId: 'k',
      version: 1,
      sealed: new Uint8Array(),
      expiresAtMs: 99,
    });
    expect(await sweepExpired({ store, now: () => 50 })).toBe(1_200);
    expect([...store.rows.keys()]).toEqual(['later']);
  });

  test('takes 10,000 at most at a time', async () => {
    const limits: number[] = [];
    const deleteExpired = async (_nowMs: number, limit: number): Promise<number> => limits.push(limit) && limit;
    expect(await sweepExpired({ store: { deleteExpired }, now: () => 1 })).toBe(10_000);
    expect(limits).toHaveLength(20);
  });

  test('goes on when the store has failed', async () => {
    const store = await filled(3, 10);
    const errors: unknown[] = [];
    const failure = new Error('away');
    let calls = 0;
    const stop = startExpirySweep({
      store: {
        deleteExpired: (nowMs, limit) => (calls++ === 0 ? Promise.reject(failure) : store.deleteExpired(nowMs, limit)),
      },
      now: () => 50,
      onError: (error) => errors.push(error),
      everyMs: 1,
    });
    onTestFinished(stop);
    await eventually('the sweep has been', () => store.rows.size === 0);
    expect(errors).toEqual([failure]);
  });
});
