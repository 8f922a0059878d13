import { describe, expect, test } from 'vitest';
import { ChallengeLine } from '../../src/attestation/challenge-line.ts';
import { TokenBucket } from '../../src/attestation/token-bucket.ts';
import { gate } from '../eventually.ts';

const nonce = (value: number) => new Uint8Array(32).fill(value);

describe('a token bucket', () => {
  test('gives out its burst at once, then at its rate, and never saves up more than the burst', () => {
    let now = 0;
    const bucket = new TokenBucket({ ratePerSecond: 2, burst: 4 }, () => now);
    expect([1, 2, 3, 4].map(() => bucket.take())).toEqual([0, 0, 0, 0]);
    expect(bucket.take()).toBe(500);
    now = 499;
    expect(bucket.take()).toBe(1);
    now = 500;
    expect(bucket.take()).toBe(0);
    now = 3_600_000;
    expect([1, 2, 3, 4, 5].map(() => bucket.take())).toEqual([0, 0, 0, 0, 500]);
  });

  test('neither fills nor empties when the clock is set back', () => {
    let now = 10_000;
    const bucket = new TokenBucket({ ratePerSecond: 1, burst: 1 }, () => now);
    expect(bucket.take()).toBe(0);
    now = 0;
    expect(bucket.take()).toBe(1_000);
    now = 1_000;
    expect(bucket.take()).toBe(0);
  });
});

describe('challenges', () => {
  const limits = { ratePerSecond: 2, burst: 4, maxWaiting: 3 };

  test('that are the same share one answer, and the next of that name gets a new one', async () => {
    let asked = 0;
    const held = gate();
    const line = new ChallengeLine(
      async () => {
        asked++;
        await held.opened;
        return asked;
      },
      limits,
      () => 0,
    );
    const answers = [line.ask(nonce(1)), line.ask(nonce(1)), line.ask(nonce(1))];
    held.open();
    expect(await Promise.all(answers)).toEqual([1, 1, 1]);
    expect(await line.ask(nonce(1))).toBe(2);
  });

  test('beyond those that may wait are refused, with the time that the waiting will take', async () => {
    const held = gate();
    const line = new ChallengeLine(
      async () => held.opened,
      limits,
      () => 0,
    );
    const waiting = [1, 2, 3].map((value) => line.ask(nonce(value)));
    const refusal = { status: 429, code: 'rate_limit_exceeded', retryAfterMs: 1_500 };
    await expect(line.ask(nonce(4))).rejects.toMatchObject(refusal);
    held.open();
    await Promise.all(waiting);
    await expect(line.ask(nonce(4))).resolves.toBeUndefined();
  });

  test('beyond the rate are refused until the next token', async () => {
    let now = 0;
    const line = new ChallengeLine(
      async () => {},
      limits,
      () => now,
    );
    for (const value of [1, 2, 3, 4]) await line.ask(nonce(value));
    await expect(line.ask(nonce(5))).rejects.toMatchObject({ code: 'rate_limit_exceeded', retryAfterMs: 500 });
    now = 500;
    await line.ask(nonce(5));
  });

  test('that fail make room for others', async () => {
    const line = new ChallengeLine(
      () => Promise.reject(new Error('no device')),
      { ...limits, maxWaiting: 1 },
      () => 0,
    );
    await expect(line.ask(nonce(1))).rejects.toThrow('no device');
    await expect(line.ask(nonce(2))).rejects.toThrow('no device');
  });
});
