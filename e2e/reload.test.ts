import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  completion,
  completionEvents,
  json,
  type StandInUpstream,
  startStandIn,
} from '../packages/router/test/stand-in-upstream.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type RunningRouter, startConfigured } from './sotto.ts';

const folder = scratchFolder();
let before: StandInUpstream;
let after: StandInUpstream;
beforeAll(async () => {
  [before, after] = await Promise.all([startStandIn(['m']), startStandIn(['m'])]);
  before.behave(json(completion('before')));
  after.behave(json(completion('after')));
});
afterAll(() => Promise.all([before.close(), after.close()]));

const KEY = 'sotto_reload_e2e';
const OTHER_KEY = 'sotto_other_e2e_key';

function configAt(upstream: StandInUpstream, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    listen: '127.0.0.1:0',
    protocols: ['ohttp', 'clear'],
    keys: [{ name: 'first', key: KEY }],
    upstreams: [{ name: 'model', baseUrl: upstream.baseUrl, models: ['m'] }],
    shutdownGraceSeconds: 5,
    ...more,
  };
}

/** On a connection of its own: connections, not requests, are dealt out to workers in turn. */
async function ask(router: RunningRouter, key = KEY): Promise<{ readonly status: number; readonly text: string }> {
  const answer = await request(`${router.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'hello' }] }),
    reset: true,
  });
  return { status: answer.statusCode, text: await answer.body.text() };
}

async function askEightTimes(router: RunningRouter, key = KEY) {
  return Promise.all(Array.from({ length: 8 }, () => ask(router, key)));
}

/** Writes a configuration and has it read: settles with the event that tells what came of it. */
async function reload(router: RunningRouter, path: string, text: string) {
  const isOutcome = ({ event }: { event: string }): boolean =>
    event === 'config_reloaded' || event === 'config_rejected';
  const told = router.events.filter(isOutcome).length;
  writeFileSync(path, text);
  process.kill(router.pid, 'SIGHUP');
  await expect.poll(() => router.events.filter(isOutcome).length, { timeout: 20_000, interval: 20 }).toBe(told + 1);
  return router.events.filter(isOutcome).at(-1);
}

describe.each([
  ['one process', [] as string[]],
  ['two workers', ['--workers', '2']],
])('SIGHUP to %s', (name, args) => {
  const path = join(folder, `${name.replace(' ', '-')}.json`);
  let router: RunningRouter;
  beforeAll(async () => {
    router = await startConfigured(path, configAt(before), { args });
  });
  afterAll(() => router.stop());

  test('takes a good configuration over, while a stream of before goes on to its end', async () => {
    const [begin, ...rest] = completionEvents(['begun', ' ended']);
    let finish = (): void => {};
    before.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(begin);
      finish = () => response.end(`${rest.join('')}data: [DONE]\n\n`);
    });
    const stream = await fetch(`${router.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'hello' }] }),
    });
    before.behave(json(completion('before')));
    expect(await reload(router, path, JSON.stringify(configAt(after)))).toMatchObject({
      event: 'config_reloaded',
      changed: ['upstreams'],
    });
    for (const { status, text } of await askEightTimes(router)) {
      expect([status, text]).toEqual([200, expect.stringContaining('after')]);
    }
    finish();
    expect(await stream.text()).toMatch(/ ended[\s\S]*\[DONE\]/);
  });

  test('rejects a bad one whole, says where and why, and goes on with the old one', async () => {
    const text = `listen: 127.0.0.1:0
keys: [{ name: other, key: ${OTHER_KEY} }]
upstreams:
  - name: model
    baseUrl: ${before.baseUrl}
    wieght: 3
`;
    expect(await reload(router, path, text)).toMatchObject({
      event: 'config_rejected',
      code: 'invalid_config',
      faults: [{ key: 'upstreams.0', source: path, line: 6 }],
    });
    expect((await askEightTimes(router, OTHER_KEY)).map(({ status }) => status)).toEqual(Array(8).fill(401));
    expect((await ask(router)).text).toContain('after');
  });

  test('rejects a change that needs a restart, and one whose secret is missing', async () => {
    const moved = configAt(before, { ohttp: { rotationSeconds: 1_000 }, storage: 'memory:' });
    expect(await reload(router, path, JSON.stringify(moved))).toMatchObject({
      event: 'config_rejected',
      faults: [{ key: 'ohttp.rotationSeconds' }],
    });
    const keyless = configAt(before, { keys: [{ name: 'first', keyEnv: 'NOT_SET_ANYWHERE' }] });
    const rejected = await reload(router, path, JSON.stringify(keyless));
    expect(rejected).toMatchObject({ event: 'config_rejected', code: 'invalid_config' });
    expect((await ask(router)).text).toContain('after');
  });

  test('takes keys in and out in every process at once', async () => {
    const keys = [{ name: 'other', key: OTHER_KEY }];
    expect(await reload(router, path, JSON.stringify(configAt(after, { keys })))).toMatchObject({ changed: ['keys'] });
    expect((await askEightTimes(router, OTHER_KEY)).map(({ status }) => status)).toEqual(Array(8).fill(200));
    expect((await askEightTimes(router, KEY)).map(({ status }) => status)).toEqual(Array(8).fill(401));
  });

  test('loses no request while it happens again and again', async () => {
    let isOver = false;
    const statuses: number[] = [];
    const caller = async (): Promise<void> => {
      while (!isOver) statuses.push((await ask(router, OTHER_KEY)).status);
    };
    const callers = [caller(), caller()];
    const keys = [{ name: 'other', key: OTHER_KEY }];
    for (const upstream of [before, after, before, after]) {
      expect(await reload(router, path, JSON.stringify(configAt(upstream, { keys })))).toMatchObject({
        event: 'config_reloaded',
      });
    }
    isOver = true;
    await Promise.all(callers);
    expect(statuses.length).toBeGreaterThan(8);
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
  });
});

/** Two workers, and their process ids now; null where the system does not list them. */
async function twoWorkers(path: string) {
  const two = await startConfigured(path, configAt(before), { args: ['--workers', '2'] });
  const children = `/proc/${two.pid}/task/${two.pid}/children`;
  if (existsSync(children)) {
    return { two, workers: (): string[] => readFileSync(children, 'utf8').trim().split(' ') };
  }
  process.stdout.write('skipped: this system does not list the children of a process\n');
  await two.stop();
  return null;
}

test('a worker that comes after a reload serves by it', async () => {
  const path = join(folder, 'reborn.json');
  const started = await twoWorkers(path);
  if (started === null) return;
  const { two, workers } = started;
  await reload(two, path, JSON.stringify(configAt(after)));
  const [victim] = workers();
  process.kill(Number(victim), 'SIGKILL');
  await two.event('worker_restarted');
  // The one that is left answers meanwhile; then both do.
  await expect.poll(() => workers().filter((pid) => pid !== victim).length, { timeout: 20_000 }).toBe(2);
  for (const { status, text } of await askEightTimes(two)) {
    expect([status, text]).toEqual([200, expect.stringContaining('after')]);
  }
  expect(await two.stop()).toBe(0);
});

test('a terminal that hangs up reaches the workers too, and ends none of them', async () => {
  const path = join(folder, 'terminal.json');
  const started = await twoWorkers(path);
  if (started === null) return;
  const { two, workers } = started;
  const pids = workers();
  for (const pid of pids) process.kill(Number(pid), 'SIGHUP');
  // Whoever has answered a reload has had the signal long since.
  expect(await reload(two, path, JSON.stringify(configAt(after)))).toMatchObject({ event: 'config_reloaded' });
  expect(workers()).toEqual(pids);
  expect(await two.stop()).toBe(0);
});
