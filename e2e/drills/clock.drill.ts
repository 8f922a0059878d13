import { createSecureFetch } from '@sotto/client';
import { afterAll, beforeAll, expect } from 'vitest';
import { type StandInUpstream, startStandIn } from '../../packages/router/test/stand-in-upstream.ts';
import { ADMIN_KEY, sendTo } from '../kept-router.ts';
import { scratchFolder } from '../scratch-folder.ts';
import { type RunningRouter, startConfigured } from '../sotto.ts';
import { ask, tally } from './ask.ts';
import { drill } from './drill.ts';
import { fakeClock } from './fake-clock.ts';

const DAY_SECONDS = 86_400;
const KEY = 'sotto_key_of_the_clock_drill';
const LIMIT = 5;
const folder = scratchFolder();
const clock = fakeClock(`${folder}/clock`);

let upstream: StandInUpstream;
let router: RunningRouter;

beforeAll(async () => {
  if (clock === null) return;
  upstream = await startStandIn(['m']);
  router = await startConfigured(
    `${folder}/clock.json`,
    {
      listen: '127.0.0.1:0',
      protocols: ['clear', 'ohttp'],
      admin: { key: ADMIN_KEY },
      keys: [{ name: 'e2e', key: KEY }],
      upstreams: [{ name: 'model', baseUrl: upstream.baseUrl, models: ['m'], probe: false }],
    },
    { environment: clock.environment },
  );
});

afterAll(async () => {
  if (clock === null) return;
  await router.stop();
  await upstream.close();
});

/** 200, or the code of the error that a sealed request by a client whose clock is right ends in. */
async function askSealed(): Promise<number | string> {
  const secureFetch = createSecureFetch({ routerUrl: router.url, allowHttp: true });
  try {
    const answer = await secureFetch(`${router.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${KEY}` },
      body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'what time is it?' }] }),
    });
    const text = await answer.text();
    return answer.status === 200 ? 200 : (/"code":"([a-z_]+)"/.exec(text)?.[1] ?? answer.status);
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  }
}

const makeKey = async (form: object): Promise<string> =>
  String((await sendTo(router, 'POST /admin/v1/keys', { body: form })).json['key']);
const askWith = (key: string) => ask({ url: router.url, model: 'm', key });

if (clock === null) {
  drill('the clock jumps (no libfaketime: skipped)', 'nothing was shown', async () => {
    process.stdout.write('skipped: libfaketime is not there\n');
    await Promise.resolve();
  });
} else {
  drill(
    'the clock jumps three days ahead, and back',
    'clear requests go on; sealed ones of the wrong time are refused by name; keys are made anew, never missing; expired keys are refused while they are; limits hold and let go',
    async (note) => {
      const shortLived = await makeKey({ name: 'short', expiresAt: new Date(Date.now() + 3_600_000).toISOString() });
      const limited = await makeKey({ name: 'limited', limits: { requestsPerMinute: LIMIT } });
      expect(await askSealed()).toBe(200);
      expect(tally([await askWith(shortLived)])).toBe('1 answered');

      clock.jump(3 * DAY_SECONDS);
      note('ahead: clear', tally([await askWith(KEY)]));
      note('ahead: a key that has an hour to live', tally([await askWith(shortLived)]));
      expect(tally([await askWith(KEY)])).toBe('1 answered');
      const jumped = performance.now();
      await expect.poll(askSealed, { timeout: 15_000, interval: 500 }).toBe('replayed_request');
      note('ahead: new keys after', `${((performance.now() - jumped) / 1_000).toFixed(1)} s`);
      expect(tally([await askWith(shortLived)])).toBe('1 error api_key_expired (401)');
      const burst = await Promise.all(Array.from({ length: 3 * LIMIT }, () => askWith(limited)));
      expect(burst.filter(({ kind }) => kind === 'answered')).toHaveLength(LIMIT);
      note('ahead: a limit of 5 a minute, asked 15 times', tally(burst));

      clock.jump(0);
      expect(tally([await askWith(KEY)])).toBe('1 answered');
      expect(await askSealed()).toBe(200);
      expect(tally([await askWith(shortLived)])).toBe('1 answered');
      note('back: sealed', await askSealed());

      clock.jump(-3 * DAY_SECONDS);
      expect(tally([await askWith(KEY)])).toBe('1 answered');
      expect(await askSealed()).toBe('replayed_request');
      clock.jump(0);
      expect(await askSealed()).toBe(200);
      // The window of a minute is measured by what has passed, and not by what the clock says.
      await expect
        .poll(async () => (await askWith(limited)).kind, { timeout: 70_000, interval: 2_000 })
        .toBe('answered');
    },
  );
}
