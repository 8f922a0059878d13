import { afterAll, beforeAll, expect } from 'vitest';
import { ADMIN_KEY, sendTo, startKept } from '../kept-router.ts';
import { scratchFolder } from '../scratch-folder.ts';
import type { RunningRouter } from '../sotto.ts';
import { ask, type Ending, tally } from './ask.ts';
import { drill } from './drill.ts';
import type { LoopbackServer } from './loopback-server.ts';
import { startTokenServer } from './token-server.ts';

const KILLED_AFTER_MS = 3_000;
/** Usage is written a second after it was counted; a busy machine gets half a second more. */
const WRITTEN_WITHIN_MS = 1_500;
const STREAMS = 20;
const KEY = 'sotto_configured_key';
const folder = scratchFolder();

type EndedAt = Ending & { readonly atMs: number };

let model: LoopbackServer;
let router: RunningRouter;

const start = (): Promise<RunningRouter> => startKept({ folder, baseUrl: model.baseUrl, models: ['m'] });

beforeAll(async () => {
  model = await startTokenServer({ tokens: 200, everyMs: 20 });
  router = await start();
});

afterAll(async () => {
  await router.stop();
  await model.close();
});

/** Makes keys one after another until the router is gone. @returns those whose making was acknowledged */
async function makeKeys(): Promise<readonly string[]> {
  const made: string[] = [];
  for (let number = 0; ; number++) {
    try {
      const { status, json } = await sendTo(router, 'POST /admin/v1/keys', {
        key: ADMIN_KEY,
        body: { name: `key ${number}` },
      });
      if (status === 201) made.push(String(json['key']));
    } catch {
      return made;
    }
  }
}

/** Asks for whole answers until the router is gone. */
async function askOn(): Promise<readonly EndedAt[]> {
  const endings: EndedAt[] = [];
  for (;;) {
    const ending = await ask({ url: router.url, model: 'm', key: KEY });
    if (ending.kind === 'refused') return endings;
    endings.push({ ...ending, atMs: performance.now() });
  }
}

drill(
  'a router killed (SIGKILL) in the middle of writes and streams',
  'no key that was acknowledged is lost and none is half there; no cut stream looks finished; of the usage at most that of the last second is lost; it starts again by itself',
  async (note) => {
    const [keys, asked] = [makeKeys(), askOn()];
    const streams = Array.from({ length: STREAMS }, () => ask({ url: router.url, model: 'm', key: KEY, stream: true }));
    await new Promise((resolve) => setTimeout(resolve, KILLED_AFTER_MS));
    const killedAtMs = performance.now();
    expect(await router.stop('SIGKILL')).toBeNull();
    const [made, answers, cut] = await Promise.all([keys, asked, Promise.all(streams)]);
    const began = performance.now();
    router = await start();
    note('back after', `${(performance.now() - began).toFixed(0)} ms`);

    note('keys acknowledged', made.length);
    expect(made.length).toBeGreaterThan(10);
    for (const key of made) expect((await sendTo(router, 'GET /v1/models', { key })).status).toBe(200);
    const listed = (await sendTo(router, 'GET /admin/v1/keys?limit=1000')).json['data'] as readonly object[];
    // One of the configuration, and one whose acknowledgement the kill may have overtaken.
    expect([made.length + 1, made.length + 2]).toContain(listed.length);

    note('streams', tally(cut));
    expect(cut.map(({ kind }) => kind)).toEqual(cut.map(() => 'cut'));
    const answeredAtMs = answers.filter(({ kind }) => kind === 'answered').map(({ atMs }) => atMs);
    const answered = answeredAtMs.length;
    const usage = (await sendTo(router, 'GET /admin/v1/usage')).json['totals'] as { requests: number };
    note('requests answered, and found in the usage', `${answered}, ${usage.requests}`);
    expect(usage.requests).toBeLessThanOrEqual(answered);
    const written = answeredAtMs.filter((atMs) => atMs < killedAtMs - WRITTEN_WITHIN_MS).length;
    expect(written).toBeGreaterThan(0);
    expect(usage.requests).toBeGreaterThanOrEqual(written);
  },
);
