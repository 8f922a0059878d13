import { afterAll, beforeAll, expect, inject } from 'vitest';
import { ADMIN_KEY, sendTo } from '../kept-router.ts';
import { scratchFolder } from '../scratch-folder.ts';
import { type RunningRouter, startConfigured } from '../sotto.ts';
import { type Ending, quantile, tally } from './ask.ts';
import { drill } from './drill.ts';
import { type FaultyModel, startFaultyModel } from './faulty-model.ts';
import { growth } from './growth.ts';
import { readMetrics, residentMib, total } from './metrics.ts';
import { pick, seeded } from './seeded.ts';
import { SoakClient, WAYS, type Way } from './soak-client.ts';

const MINUTES = Number(process.env['SOTTO_SOAK_MINUTES'] ?? 0.5);
const SEED = 20_261_130;
const MODEL = 'm';
const KEY = 'sotto_key_of_the_soak';
const CAPACITY_SECONDS = 10;
const CAPACITY_CALLERS = 32;
/** Beyond it the machine is not at half of its capacity any more. */
const MAX_UNDER_WAY = 2_000;
const TURN_MS = 10;
const MIX: Readonly<Record<Way, number>> = {
  clear: 45,
  'clear stream': 20,
  ohttp: 20,
  'ohttp stream': 12,
  'nomyo-v1': 3,
};
/** Of a hundred requests to a model server. */
const FAULT_SHARES = {
  [MODEL]: 90,
  slow: 3,
  'answers-500': 2,
  'resets-at-once': 1.5,
  'resets-midway': 1,
  'answers-garbage': 1,
  'talks-garbage': 0.5,
  'answers-half': 1,
} as const;
/** Sealed requests are remembered for three windows: with this one the memory of them is full after the first quarter. */
const REPLAY_WINDOW_SECONDS = Math.max(5, Math.floor((MINUTES * 60) / 12));
/** Memory after the soak's first quarter may not grow by more than this until its end. */
const MAX_GROWTH_MIB = 24;

const folder = scratchFolder();
let models: readonly FaultyModel[];
let router: RunningRouter;

beforeAll(async () => {
  models = await Promise.all(
    [1, 2].map((number) => {
      const random = seeded(SEED + number);
      return startFaultyModel({ faultOf: () => pick(FAULT_SHARES, random) });
    }),
  );
  router = await startConfigured(`${folder}/soak.json`, {
    listen: '127.0.0.1:0',
    nomyoV1: { keyFile: inject('routerKey') },
    storage: `sqlite:${folder}/soak.db`,
    storageKey: { key: Buffer.alloc(32, 3).toString('base64') },
    admin: { key: ADMIN_KEY },
    keys: [
      {
        name: 'soak',
        key: KEY,
        limits: { requestsPerMinute: 100_000_000, tokensPerMinute: 900_000_000 },
        budget: { usd: 100_000, period: 'total' },
      },
    ],
    limits: { replayWindowSeconds: REPLAY_WINDOW_SECONDS },
    models: { [MODEL]: { price: { inputPerMillion: 1, outputPerMillion: 2, requestUsd: 0.001 } } },
    upstreams: models.map(({ baseUrl }, index) => ({ name: `model-${index}`, baseUrl, models: [MODEL], probe: false })),
  });
});

afterAll(async () => {
  await router.stop();
  await Promise.all(models.map((model) => model.close()));
});

/** As many as can be answered with so many callers, each asking as soon as it was answered. @returns requests a second */
async function capacity(client: SoakClient, endings: Ending[]): Promise<number> {
  const random = seeded(SEED);
  const end = performance.now() + CAPACITY_SECONDS * 1_000;
  const before = endings.length;
  const callOn = async (): Promise<void> => {
    while (performance.now() < end) endings.push(await client.ask(pick(MIX, random)));
  };
  await Promise.all(Array.from({ length: CAPACITY_CALLERS }, callOn));
  return (endings.length - before) / CAPACITY_SECONDS;
}

/** Asks at an even rate, whatever becomes of the requests before. */
async function soak(client: SoakClient, rate: number, endings: Ending[]): Promise<{ sent: number; rss: number[] }> {
  const random = seeded(SEED + 7);
  const waiting = new Set<Promise<void>>();
  const rss: number[] = [];
  const began = performance.now();
  const lastsMs = MINUTES * 60_000;
  const sampleMs = Math.max(500, lastsMs / 240);
  let sent = 0;
  let most = 0;
  for (let passed = 0; passed < lastsMs; passed = performance.now() - began) {
    const due = Math.floor((passed / 1_000) * rate);
    for (; sent < due && waiting.size < MAX_UNDER_WAY; sent++) {
      const asked: Promise<void> = client.ask(pick(MIX, random)).then((ending) => {
        endings.push(ending);
        waiting.delete(asked);
      });
      waiting.add(asked);
    }
    most = Math.max(most, waiting.size);
    if (passed >= rss.length * sampleMs) rss.push(residentMib(await readMetrics(router.url)));
    await new Promise((resolve) => setTimeout(resolve, TURN_MS));
  }
  await Promise.all(waiting);
  expect(most, 'requests under way at once: more than half of the capacity was asked for').toBeLessThan(MAX_UNDER_WAY);
  return { sent, rss };
}

drill(
  `${MINUTES} minutes at half of capacity, in clear and sealed, with model servers that fail at one request in ten`,
  'memory is flat, no request is stuck or cut without a word, and the counts of callers, router, usage and model servers add up exactly',
  async (note) => {
    const client = new SoakClient(router.url, KEY, MODEL);
    const endings: Ending[] = [];
    for (const way of WAYS) endings.push(await client.ask(way));
    const atOnce = await capacity(client, endings);
    const burst = endings.length;
    const { sent, rss } = await soak(client, atOnce / 2, endings);
    expect(endings.length).toBe(burst + sent);

    const soaked = endings.slice(burst);
    note('capacity', `${atOnce.toFixed(0)} requests a second, by ${CAPACITY_CALLERS} callers`);
    note('asked at half of it', `${sent} requests`);
    note('ended as', tally(soaked));
    const times = soaked.map(({ ms }) => ms);
    note('p50, p99, longest', [0.5, 0.99, 1].map((share) => `${quantile(times, share).toFixed(1)} ms`).join(', '));
    const settled = rss.slice(Math.floor(rss.length / 4));
    const grown = growth(settled);
    note(
      'memory after the first quarter, and at the end',
      `${settled[0]?.toFixed(0)} MiB, ${settled.at(-1)?.toFixed(0)} MiB`,
    );
    note('growth by the line through all samples between', `${grown.toFixed(1)} MiB`);

    const untold = endings.filter(({ kind }) => kind === 'cut' || kind === 'refused');
    expect(tally(untold)).toBe('');
    await expectBooksToAgree(endings, note);
    expect(grown).toBeLessThan(MAX_GROWTH_MIB);
  },
);

/** Every request is in four books: the callers', the router's metrics, the usage it stored, and the model servers'. */
async function expectBooksToAgree(
  endings: readonly Ending[],
  note: (name: string, figure: string) => void,
): Promise<void> {
  await expect
    .poll(async () => total(await readMetrics(router.url), 'sotto_upstream_under_way'), { timeout: 10_000 })
    .toBe(0);
  const metrics = await readMetrics(router.url);
  const chats = (labels: string): number =>
    [...metrics]
      .filter(
        ([series]) =>
          series.startsWith('sotto_requests_total{') &&
          series.includes('route="/v1/chat/completions"') &&
          series.includes(labels),
      )
      .reduce((sum, [, count]) => sum + count, 0);
  const usage = (await sendTo(router, 'GET /admin/v1/usage')).json['totals'] as {
    requests: number;
    failed: number;
    cancelled: number;
  };
  const answered = endings.filter(({ kind }) => kind === 'answered').length;
  const refusedByStatus = endings.filter(({ kind, status }) => kind === 'error' && status !== 200).length;
  const asked = models.reduce(
    (sum, model) => sum + [...model.asked.values()].reduce((one, other) => one + other, 0),
    0,
  );
  const attempts = ['served', 'failed', 'resent'].reduce(
    (sum, each) => sum + total(metrics, `sotto_upstream_${each}_total`),
    0,
  );
  note('callers', `${endings.length} asked, ${answered} answered, ${endings.length - answered} told of an error`);
  note('router', `${chats('')} chat requests, ${chats('status="200"')} begun well`);
  note('usage', `${usage.requests} requests, ${usage.failed} failed, ${usage.cancelled} cancelled`);
  note('model servers', `${asked} asked; the router counts ${attempts}`);
  expect(chats('')).toBe(endings.length);
  expect(chats('status="200"')).toBe(endings.length - refusedByStatus);
  expect(usage).toMatchObject({ requests: endings.length, failed: endings.length - answered, cancelled: 0 });
  expect(attempts).toBe(asked);
}
