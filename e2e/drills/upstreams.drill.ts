import { afterAll, beforeAll, expect } from 'vitest';
import { scratchFolder } from '../scratch-folder.ts';
import { type RunningRouter, startConfigured } from '../sotto.ts';
import { ask, type Ending, quantile, tally } from './ask.ts';
import { drill } from './drill.ts';
import { FAULTS, type FaultyModel, GOOD_MODEL, startFaultyModel } from './faulty-model.ts';
import { readMetrics, total } from './metrics.ts';

/** Bounds of the router's own making: no request may outlast their sum by much. */
const FIRST_BYTE_MS = 1_000;
const IDLE_MS = 1_000;
const MARGIN_MS = 2_000;
const REQUESTS_A_FAULT = 8;
const folder = scratchFolder();
/** Never left alone: each fault is to be met again and again. */
const undaunted = { failures: 1_000, ratio: 1, window: 1_000, openMs: 1, maxOpenMs: 1 };

let faulty: FaultyModel;
let spare: FaultyModel;
let alone: RunningRouter;
let spared: RunningRouter;

beforeAll(async () => {
  [faulty, spare] = await Promise.all([startFaultyModel(), startFaultyModel({ faultOf: () => GOOD_MODEL })]);
  const upstream = (name: string, baseUrl: string, weight: number): Record<string, unknown> => ({
    name,
    baseUrl,
    weight,
    models: [GOOD_MODEL, ...FAULTS],
    timeoutMs: FIRST_BYTE_MS,
    idleTimeoutMs: IDLE_MS,
    breaker: undaunted,
    probe: false,
  });
  const start = (name: string, upstreams: readonly unknown[]): Promise<RunningRouter> =>
    startConfigured(`${folder}/${name}.json`, {
      listen: '127.0.0.1:0',
      protocols: ['clear', 'ohttp'],
      auth: 'open',
      upstreams,
    });
  [alone, spared] = await Promise.all([
    start('alone', [upstream('faulty', faulty.baseUrl, 1)]),
    start('spared', [upstream('faulty', faulty.baseUrl, 1_000), upstream('spare', spare.baseUrl, 1)]),
  ]);
});

afterAll(async () => {
  await Promise.all([alone.stop(), spared.stop()]);
  await Promise.all([faulty.close(), spare.close()]);
});

/** Requests of one kind, side by side, and the good ones that must not suffer. */
async function beside(
  router: RunningRouter,
  model: string,
  stream: boolean,
): Promise<{ readonly faulty: readonly Ending[]; readonly good: readonly Ending[] }> {
  const all = (name: string, streams: boolean): Promise<readonly Ending[]> =>
    Promise.all(Array.from({ length: REQUESTS_A_FAULT }, () => ask({ url: router.url, model: name, stream: streams })));
  const [bad, good] = await Promise.all([all(model, stream), all(GOOD_MODEL, !stream)]);
  return { faulty: bad, good };
}

async function expectNothingLeft(router: RunningRouter): Promise<void> {
  await expect
    .poll(async () => total(await readMetrics(router.url), 'sotto_upstream_under_way'), { timeout: 5_000 })
    .toBe(0);
}

drill(
  'a model server that is broken in nine ways, and no other',
  'every caller gets an answer or an error by name within the bounds; the requests beside it are all answered; nothing stays open',
  async (note) => {
    const good: Ending[] = [];
    for (const fault of FAULTS) {
      for (const stream of [false, true]) {
        const endings = await beside(alone, fault, stream);
        good.push(...endings.good);
        note(`${fault}, ${stream ? 'streamed' : 'whole'}`, tally(endings.faulty));
        for (const ending of endings.faulty) {
          expect(ending.kind, `${fault} ${tally([ending])}`).toBe(fault === 'slow' ? 'answered' : 'error');
          expect(ending.ms).toBeLessThan(FIRST_BYTE_MS + IDLE_MS + MARGIN_MS);
        }
      }
    }
    expect(good.map(({ kind }) => kind)).toEqual(good.map(() => 'answered'));
    note(
      'requests beside them',
      `${good.length}, p99 ${quantile(
        good.map(({ ms }) => ms),
        0.99,
      ).toFixed(0)} ms`,
    );
    await expectNothingLeft(alone);
  },
);

drill(
  'the same, with a second server that works',
  'whoever has had no byte of an answer is answered by the second; a stream that broke midway ends with an error, never as if it were whole',
  async (note) => {
    for (const fault of FAULTS) {
      const [whole, streamed] = [await beside(spared, fault, false), await beside(spared, fault, true)];
      const isMidway = ['stalls', 'resets-midway', 'answers-garbage', 'answers-half'].includes(fault);
      note(fault, `whole: ${tally(whole.faulty)}; streamed: ${tally(streamed.faulty)}`);
      for (const ending of whole.faulty) expect(ending.kind, `${fault} ${tally([ending])}`).toBe('answered');
      for (const ending of streamed.faulty) {
        // Which of the two a stream went to is chance; what it may end as is not.
        expect(isMidway ? ['answered', 'error'] : ['answered'], `${fault} ${tally([ending])}`).toContain(ending.kind);
      }
      expect(whole.good.concat(streamed.good).every(({ kind }) => kind === 'answered')).toBe(true);
    }
    await expectNothingLeft(spared);
  },
);
