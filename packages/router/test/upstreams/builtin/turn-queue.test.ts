import { describe, expect, it } from 'vitest';
import { TurnQueue } from '../../../src/upstreams/builtin/turn-queue.ts';

describe('a queue of turns', () => {
  it('runs one at a time, in order, without those that were taken out', async () => {
    const queue = new TurnQueue(10);
    const log: string[] = [];
    const turns = ['a', 'b', 'c'].map((name) => async () => {
      log.push(`${name} begins`);
      await Promise.resolve();
      log.push(`${name} ends`);
    });
    for (const turn of turns) queue.add(turn);
    const [, second] = turns;
    if (second !== undefined) queue.remove(second);
    await queue.idle();
    expect(log).toEqual(['a begins', 'a ends', 'c begins', 'c ends']);
  });

  it('goes on after a turn that rejects', async () => {
    const queue = new TurnQueue(10);
    let reached = false;
    queue.add(() => Promise.reject(new Error('broken')));
    queue.add(async () => {
      reached = true;
    });
    await queue.idle();
    expect(reached).toBe(true);
  });

  it('is full only when the places behind the running turn are taken, and empties again', async () => {
    const queue = new TurnQueue(1);
    const fullness: boolean[] = [queue.isFull];
    for (let turn = 0; turn < 2; turn++) {
      queue.add(async () => {});
      fullness.push(queue.isFull);
    }
    await queue.idle();
    expect([...fullness, queue.isFull]).toEqual([false, false, true, false]);
    const none = new TurnQueue(0);
    none.add(async () => {});
    expect(none.isFull).toBe(true);
    await none.idle();
    expect(none.isFull).toBe(false);
  });
});
