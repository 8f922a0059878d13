import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { systemClock } from '../src/clock.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a delay ends when its time is over', async () => {
  const delay = systemClock.delay(1_000, new AbortController().signal);
  await vi.advanceTimersByTimeAsync(1_000);
  await expect(delay).resolves.toBeUndefined();
});

test('a delay ends at once where its signal aborts, and leaves no timer behind', async () => {
  const controller = new AbortController();
  const delay = systemClock.delay(1_000, controller.signal);
  controller.abort();
  await expect(delay).rejects.toMatchObject({ code: 'request_aborted' });
  expect(vi.getTimerCount()).toBe(0);
  await expect(systemClock.delay(1_000, controller.signal)).rejects.toMatchObject({ code: 'request_aborted' });
});
