import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { nodeCrypto } from '@sotto/protocol/node';
import { encodePublicKeyHeader, importPublicKeyPem, sealRequest } from '@sotto/protocol/nomyo-v1';
import { request } from 'undici';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type RunningRouter, startConfigured } from './sotto.ts';

const QUESTION = { model: 'm', messages: [{ role: 'user', content: 'hello' }] };
const folder = scratchFolder();
let upstream: StandInUpstream;
let router: RunningRouter;

beforeAll(async () => {
  upstream = await startStandIn(['m']);
  const config = {
    listen: '127.0.0.1:0',
    nomyoV1: { keyFile: inject('routerKey') },
    keys: [
      { name: 'free', key: 'sotto_free_e2e' },
      { name: 'few', key: 'sotto_few_e2e', limits: { requestsPerMinute: 3 } },
    ],
    upstreams: [{ name: 'model', baseUrl: upstream.baseUrl, models: ['m'] }],
  };
  router = await startConfigured(join(folder, 'workers.json'), config, { args: ['--workers', '2'] });
});
afterAll(() => upstream.close());

/** Sends on a connection of its own: connections, not requests, are dealt out to the workers in turn. */
async function send(path: string, key: string, body: string | null = null, headers: Record<string, string> = {}) {
  const answer = await request(`${router.url}${path}`, {
    method: body === null ? 'GET' : 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body,
    reset: true,
  });
  return { status: answer.statusCode, text: await answer.body.text() };
}

async function sendEightTimes(...call: Parameters<typeof send>): Promise<readonly number[]> {
  const answers = await Promise.all(Array.from({ length: 8 }, () => send(...call)));
  return answers.map(({ status }) => status).sort();
}

describe('two workers', () => {
  test('show one and the same RSA key', async () => {
    const answers = await Promise.all(Array.from({ length: 6 }, () => send('/pki/public_key', 'nobody')));
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(router.events[0]).toMatchObject({ workers: 2 });
  });

  test('count to one limit', async () => {
    const statuses = await sendEightTimes('/v1/chat/completions', 'sotto_few_e2e', JSON.stringify(QUESTION));
    expect(statuses).toEqual([200, 200, 200, 429, 429, 429, 429, 429]);
  });

  test('answer a sealed request once, whichever of them it comes to', async () => {
    const clientPem = readFileSync(join(inject('clientKeys'), 'public_key.pem'), 'utf8');
    const routerKey = await importPublicKeyPem(nodeCrypto, (await send('/pki/public_key', 'nobody')).text);
    const { body } = await sealRequest(nodeCrypto, routerKey, QUESTION);
    const headers = { 'x-payload-id': 'once', 'x-public-key': encodePublicKeyHeader(clientPem) };
    const statuses = await sendEightTimes('/v1/chat/secure_completion', 'sotto_free_e2e', body, headers);
    expect(statuses).toEqual([200, 400, 400, 400, 400, 400, 400, 400]);
  });

  test('each tell the metrics of both', async () => {
    const path = '/v1/chat/completions';
    await sendEightTimes(path, 'sotto_free_e2e', JSON.stringify(QUESTION));
    const served = /^sotto_upstream_served_total\{upstream="model"\} (\d+)$/m;
    const scrapes = await Promise.all(Array.from({ length: 6 }, () => send('/metrics', 'nobody')));
    const totals = scrapes.map(({ text }) => Number(served.exec(text)?.[1]));
    // Three of the limited key, one that was sealed, and these eight; probes are no calls.
    expect(new Set(totals)).toEqual(new Set([12]));
    expect(scrapes[0]?.text).toContain('\nsotto_workers 2\n');
    const workers = new Set(router.events.flatMap(({ event, worker }) => (event === 'request' ? [worker] : [])));
    expect(workers.size).toBe(2);
  });

  test('are two again after one is killed', async () => {
    const children = `/proc/${router.pid}/task/${router.pid}/children`;
    if (!existsSync(children)) {
      process.stdout.write('skipped: this system does not list the children of a process\n');
      return;
    }
    const workers = (): string[] => readFileSync(children, 'utf8').trim().split(' ');
    const [victim] = workers();
    process.kill(Number(victim), 'SIGKILL');
    expect(await router.event('worker_restarted')).toMatchObject({ level: 'warn', pid: Number(victim) });
    await expect.poll(workers).toHaveLength(2);
    expect(workers()).not.toContain(victim);
    expect(await sendEightTimes('/v1/models', 'sotto_free_e2e')).toEqual(Array.from({ length: 8 }, () => 200));
  });

  test('end together', async () => {
    expect(await router.stop()).toBe(0);
    expect(router.events.at(-1)?.event).toBe('stopped');
  });
});
