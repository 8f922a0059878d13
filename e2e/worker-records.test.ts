import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { sendTo, startKept } from './kept-router.ts';
import { scratchFolder } from './scratch-folder.ts';
import type { RunningRouter } from './sotto.ts';

const QUESTION = { model: 'm', messages: [{ role: 'user', content: 'hello' }] };
const PRICE = { inputPerMillion: 1, outputPerMillion: 1, requestUsd: 1 };
const EACH_WORKER_TWICE = [1, 2, 3, 4];
const folder = scratchFolder();
let upstream: StandInUpstream;
let router: RunningRouter;
/** Requests that were answered, by key. */
const answered = new Map<string, number>();

const start = (workers: number): Promise<RunningRouter> =>
  startKept({
    folder,
    baseUrl: upstream.baseUrl,
    models: ['m'],
    config: { models: { m: { price: PRICE } } },
    args: workers === 1 ? [] : ['--workers', String(workers)],
  });

beforeAll(async () => {
  upstream = await startStandIn(['m']);
  router = await start(2);
});
afterAll(() => upstream.close());

async function makeKey(
  form: Readonly<Record<string, unknown>>,
): Promise<{ readonly id: string; readonly key: string }> {
  const made = await sendTo(router, 'POST /admin/v1/keys', { body: form });
  expect(made.status, made.text).toBe(201);
  return { id: String(made.json['id']), key: String(made.json['key']) };
}

async function ask(key: string): Promise<number> {
  const { status } = await sendTo(router, 'POST /v1/chat/completions', { key, body: QUESTION });
  if (status === 200) answered.set(key, (answered.get(key) ?? 0) + 1);
  return status;
}

/** One request after the other: the workers take them in turn. */
async function askInTurn(key: string, times: number): Promise<readonly number[]> {
  const statuses = [];
  for (let asked = 0; asked < times; asked++) statuses.push(await ask(key));
  return statuses;
}

/** What each worker says of a key, asked without a model. */
async function everyWorkerSays(key: string): Promise<readonly number[]> {
  const answers = await Promise.all(EACH_WORKER_TWICE.map(() => sendTo(router, 'GET /v1/models', { key })));
  return [...new Set(answers.map(({ status }) => status))];
}

describe('two workers with one database', () => {
  test('both know a key that one of them made, and both refuse it once one has revoked it', async () => {
    const { id, key } = await makeKey({ name: 'short-lived' });
    await expect.poll(() => everyWorkerSays(key)).toEqual([200]);
    expect((await sendTo(router, `POST /admin/v1/keys/${id}/revoke`)).status).toBe(200);
    await expect.poll(() => everyWorkerSays(key)).toEqual([401]);
    expect((await sendTo(router, 'GET /v1/models', { key })).text).toContain('api_key_revoked');
  });

  test('count to one limit of a key made at run time, and to a changed one', async () => {
    const { id, key } = await makeKey({ name: 'few', limits: { requestsPerMinute: 3 } });
    // A worker that has not heard of the key yet counts nothing.
    const statuses = await askInTurn(key, 12);
    expect(statuses.filter((status) => status === 200)).toHaveLength(3);
    expect(statuses.at(-1)).toBe(429);
    await sendTo(router, `PATCH /admin/v1/keys/${id}`, { body: { limits: null } });
    await expect.poll(() => everyWorkerSays(key)).toEqual([200]);
  });

  test('spend one budget', async () => {
    const { key } = await makeKey({ name: 'saver', budget: { usd: 3.5, period: 'total' } });
    await expect.poll(() => everyWorkerSays(key)).toEqual([200]);
    expect(await askInTurn(key, 6)).toEqual([200, 200, 200, 402, 402, 402]);
  });

  test('both know an alias and a chatbot that one of them was told', async () => {
    await sendTo(router, 'PUT /admin/v1/aliases/org/other', { body: { models: ['m'] } });
    await sendTo(router, 'PUT /admin/v1/chatbots/helper', { body: { name: 'Helper', model: 'org/other' } });
    const { key } = await makeKey({ name: 'talker' });
    const all = (target: string, body?: unknown) => async (): Promise<readonly number[]> => {
      const answers = await Promise.all(EACH_WORKER_TWICE.map(() => sendTo(router, target, { key, body })));
      return answers.map(({ status }) => status);
    };
    await expect.poll(all('GET /v1/models/org/other')).toEqual([200, 200, 200, 200]);
    await expect.poll(all('GET /api/v1/chatbot/external/helper/v1/models')).toEqual([200, 200, 200, 200]);
  });

  test('continue each other’s conversations', async () => {
    const { key } = await makeKey({ name: 'patient' });
    await expect.poll(() => everyWorkerSays(key)).toEqual([200]);
    let conversation: unknown;
    for (const count of [2, 4, 6, 8]) {
      const turn = await sendTo(router, 'POST /api/v1/chatbot/external/helper/chat', {
        key,
        body: { message: `the ${count}th`, conversation_id: conversation },
      });
      expect(turn.json, turn.text).toMatchObject({ message_count: count });
      conversation = turn.json['conversation_id'];
    }
  });

  test('leave behind, after an orderly stop, usage that adds up to what was answered', async () => {
    const { id, key } = await makeKey({ name: 'counted' });
    await expect.poll(() => everyWorkerSays(key)).toEqual([200]);
    const statuses = await Promise.all(Array.from({ length: 10 }, () => ask(key)));
    expect(statuses.every((status) => status === 200)).toBe(true);
    expect(await router.stop()).toBe(0);
    router = await start(1);
    const { json, text } = await sendTo(router, `GET /admin/v1/usage?key=${id}`);
    const usage = { requests: answered.get(key), promptTokens: 10, completionTokens: 20, failed: 0, costUsd: 10.00003 };
    expect(json['totals'], text).toMatchObject(usage);
    expect(await ask(key)).toBe(200);
    expect(await router.stop()).toBe(0);
  });
});
