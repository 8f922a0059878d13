import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KeyClaims, parseClaims } from '@sotto/protocol/key-statement';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sealFor } from '../packages/router/test/gateways/ohttp/open-exchange.ts';
import { chatInput, type Sealed } from '../packages/router/test/gateways/ohttp/sealing-client.ts';
import {
  completion,
  completionEvents,
  json,
  type StandInUpstream,
  startStandIn,
} from '../packages/router/test/stand-in-upstream.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type RunningRouter, startConfigured } from './sotto.ts';
import { describeWithProcesses, servingWorkers, workersOf } from './worker-processes.ts';

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

describeWithProcesses('two workers', () => {
  const path = join(folder, 'two.json');
  let two: RunningRouter;
  beforeAll(async () => {
    two = await startConfigured(path, configAt(before), { args: ['--workers', '2'] });
  });
  afterAll(() => two.stop());

  const bothServe = () => expect.poll(() => servingWorkers(two, () => ask(two)), { timeout: 20_000 }).toHaveLength(2);

  test('do not end with a terminal that hangs up, which tells them too', async () => {
    const workers = workersOf(two);
    for (const pid of workers) process.kill(pid, 'SIGHUP');
    // Whoever has answered a reload has had the signal long since.
    expect(await reload(two, path, JSON.stringify(configAt(before)))).toMatchObject({ event: 'config_reloaded' });
    expect(workersOf(two)).toEqual(workers);
  });

  test('take a configuration over while one of them is being replaced, and its successor serves by it', async () => {
    const workers = workersOf(two);
    process.kill(workers[0] ?? 0, 'SIGKILL');
    const successor = (): number => workersOf(two).find((pid) => !workers.includes(pid)) ?? 0;
    await expect.poll(successor, { timeout: 20_000, interval: 1 }).toBeGreaterThan(0);
    // It is a process by now, but has not begun to serve.
    expect(await reload(two, path, JSON.stringify(configAt(after)))).toMatchObject({
      event: 'config_reloaded',
      changed: ['upstreams'],
    });
    await bothServe();
    for (const { status, text } of await askEightTimes(two)) {
      expect([status, text]).toEqual([200, expect.stringContaining('after')]);
    }
  });

  test('that are all gone cannot check a configuration: it is refused, and their successors have the old one', async () => {
    for (const worker of workersOf(two)) process.kill(worker, 'SIGKILL');
    await expect.poll(() => workersOf(two), { interval: 5 }).toEqual([]);
    expect(await reload(two, path, JSON.stringify(configAt(before)))).toMatchObject({
      event: 'config_rejected',
      code: 'invalid_config',
    });
    const text = async (): Promise<string> => {
      try {
        return (await ask(two)).text;
      } catch {
        return 'nobody is there';
      }
    };
    await expect.poll(text, { timeout: 20_000 }).toContain('after');
  });
});

describeWithProcesses('two workers that attest', () => {
  test('have new keys and new evidence for another policy of upstreams, both and their successors', async () => {
    const path = join(folder, 'attested.json');
    const attested = {
      publicUrl: 'https://attested.example',
      attestation: { attester: 'software', allowInsecure: true },
    };
    const two = await startConfigured(path, configAt(before, attested), { args: ['--workers', '2'] });
    /** What eight connections are shown: the keys themselves, and what the evidence says of keys and policy. */
    const shown = async (): Promise<ReadonlySet<string>> => {
      const all = await Promise.all(Array.from({ length: 8 }, () => Promise.all([keysOf(two), claimsOf(two)])));
      return new Set(
        all.map(([keys, claims]) => JSON.stringify([keys, base64(claims.keyConfigs), claims.upstreamPolicySha256])),
      );
    };
    const one = async (): Promise<readonly [string, string, string]> => {
      await expect.poll(async () => (await shown()).size, { timeout: 20_000 }).toBe(1);
      const [each = '[]'] = await shown();
      return JSON.parse(each) as [string, string, string];
    };
    const [oldKeys, oldClaimed, oldPolicy] = await one();
    expect(oldClaimed).toBe(oldKeys);
    const sealed = await Promise.all(
      Array.from({ length: 6 }, () => sealFor(two.url, chatInput({}, [['authorization', `Bearer ${KEY}`]]))),
    );
    const statusOf = async ({ body }: Sealed): Promise<number> => {
      const headers = { 'content-type': 'message/ohttp-chunked-req' };
      const url = `${two.url}/.well-known/ohttp-gateway`;
      const answer = await request(url, { method: 'POST', headers, body, reset: true });
      await answer.body.dump();
      return answer.statusCode;
    };
    expect(await Promise.all(sealed.slice(0, 2).map(statusOf))).toEqual([200, 200]);

    const asked = after.seen.length;
    expect(await reload(two, path, JSON.stringify(configAt(after, attested)))).toMatchObject({
      changed: ['upstreams'],
    });
    // What was sealed on the word of the old evidence goes nowhere, whichever of them it comes to.
    expect(await Promise.all(sealed.slice(2).map(statusOf))).toEqual([422, 422, 422, 422]);
    expect(after.seen.slice(asked).filter(({ method }) => method === 'POST')).toEqual([]);
    const [keys, claimed, policy] = await one();
    expect([keys === oldKeys, claimed === keys, policy === oldPolicy]).toEqual([false, true, false]);

    const [victim = 0] = workersOf(two);
    process.kill(victim, 'SIGKILL');
    await two.event('worker_restarted');
    await expect.poll(() => servingWorkers(two, () => ask(two)), { timeout: 20_000 }).toHaveLength(2);
    expect(await one()).toEqual([keys, claimed, policy]);
    expect(await two.stop()).toBe(0);
  });
});

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

async function keysOf({ url }: RunningRouter): Promise<string> {
  const answer = await request(`${url}/.well-known/ohttp-gateway`, { reset: true });
  return base64(new Uint8Array(await answer.body.arrayBuffer()));
}

async function claimsOf({ url }: RunningRouter): Promise<KeyClaims> {
  const answer = await request(`${url}/pki/attestation`, { reset: true });
  const { claims } = (await answer.body.json()) as { readonly claims: string };
  return parseClaims(new Uint8Array(Buffer.from(claims, 'base64url')));
}
