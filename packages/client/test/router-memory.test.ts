import { expect, test } from 'vitest';
import { createRouterMemory, RememberedRouter, type RouterRecord } from '../src/router-memory.ts';

const ORIGIN = 'https://router.test';

test('what is remembered only grows', async () => {
  const memory = createRouterMemory();
  const router = new RememberedRouter(memory, ORIGIN);
  expect(await router.recall()).toEqual({ epoch: null, protocol: null });
  await router.raise({ protocol: 'nomyo-v1' });
  await router.raise({ epoch: 5 });
  await router.raise({ protocol: 'ohttp' });
  await router.raise({ protocol: 'nomyo-v1', epoch: 4 });
  expect(await memory.recall(ORIGIN)).toEqual({ epoch: 5, protocol: 'ohttp' });
  expect(await memory.recall('https://other.test')).toBeNull();
});

test('an epoch of 0 is an epoch', async () => {
  const router = new RememberedRouter(createRouterMemory(), ORIGIN);
  await router.raise({ epoch: 0 });
  expect(await router.recall()).toEqual({ epoch: 0, protocol: null });
});

test('nothing is written where nothing is new', async () => {
  const written: RouterRecord[] = [];
  const record: RouterRecord = { epoch: 5, protocol: 'ohttp' };
  const memory = {
    recall: async () => record,
    remember: async (_: string, next: RouterRecord) => void written.push(next),
  };
  await new RememberedRouter(memory, ORIGIN).raise({ epoch: 5, protocol: 'nomyo-v1' });
  expect(written).toEqual([]);
});
