import { afterAll, beforeAll, expect } from 'vitest';
import { type KeptAnswer, sendTo, startKept } from '../kept-router.ts';
import type { RunningRouter } from '../sotto.ts';
import { ask, tally } from './ask.ts';
import { drill } from './drill.ts';
import type { LoopbackServer } from './loopback-server.ts';
import { mountSmallDisk } from './small-disk.ts';
import { startTokenServer } from './token-server.ts';

const KEY = 'sotto_configured_key';
const REQUESTS = 50;
const disk = mountSmallDisk(4);

let model: LoopbackServer;
let router: RunningRouter;

beforeAll(async () => {
  if (disk === null) return;
  model = await startTokenServer({ tokens: 4, everyMs: 1 });
  router = await startKept({ folder: disk.folder, baseUrl: model.baseUrl, models: ['m'] });
});

afterAll(async () => {
  if (disk === null) return;
  await router.stop();
  await model.close();
  disk.unmount();
});

async function askAll(): Promise<string> {
  return tally(
    await Promise.all(Array.from({ length: REQUESTS }, () => ask({ url: router.url, model: 'm', key: KEY }))),
  );
}

/** Makes keys until one cannot be made. */
async function untilRefused(): Promise<KeptAnswer> {
  for (let number = 0; number < 10_000; number++) {
    const answer = await sendTo(router, 'POST /admin/v1/keys', { body: { name: `filling ${number}` } });
    if (answer.status !== 201) return answer;
  }
  throw new Error('the disk never filled');
}

const storedRequests = async (): Promise<number> => {
  const { status, json } = await sendTo(router, 'GET /admin/v1/usage');
  return status === 200 ? (json['totals'] as { requests: number }).requests : -1;
};

if (disk === null) {
  drill('the disk is full (nothing may be mounted here: skipped)', 'nothing was shown', async () => {
    process.stdout.write('skipped: a small file system cannot be mounted\n');
    await Promise.resolve();
  });
} else {
  drill(
    'the disk is full, and has room again',
    'requests are answered all the while; what cannot be stored is refused by name; when there is room, everything that was counted is stored, once',
    async (note) => {
      expect(await askAll()).toBe(`${REQUESTS} answered`);
      disk.fill();
      const refused = await untilRefused();
      note('full: making a key', `${refused.status} ${refused.text.match(/"code":"([a-z_]+)"/)?.[1] ?? ''}`);
      expect(refused.status).toBe(503);
      expect(refused.text).toContain('"code":"store_unavailable"');
      const whileFull = await askAll();
      note('full: requests', whileFull);
      expect(whileFull).toBe(`${REQUESTS} answered`);

      disk.empty();
      const began = performance.now();
      await expect
        .poll(async () => (await sendTo(router, 'POST /admin/v1/keys', { body: { name: 'after' } })).status, {
          timeout: 10_000,
        })
        .toBe(201);
      note('room again: a key can be made after', `${(performance.now() - began).toFixed(0)} ms`);
      await expect.poll(storedRequests, { timeout: 10_000 }).toBe(2 * REQUESTS);
      expect(await router.stop()).toBe(0);
      router = await startKept({ folder: disk.folder, baseUrl: model.baseUrl, models: ['m'] });
      const kept = await storedRequests();
      note('requests answered, and found in the usage after a restart', `${2 * REQUESTS}, ${kept}`);
      expect(kept).toBe(2 * REQUESTS);
    },
  );
}
