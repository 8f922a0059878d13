import { afterAll, beforeAll, expect, test } from 'vitest';
import { type StandInUpstream, startStandIn } from '../packages/router/test/stand-in-upstream.ts';
import { databaseText, sendTo, startKept } from './kept-router.ts';
import { scratchFolder } from './scratch-folder.ts';
import type { RunningRouter } from './sotto.ts';

/** A name that stands nowhere in the database but in rows of usage. */
const COUNTED_MODEL = 'model-of-the-usage-rows';
const folder = scratchFolder();
let upstream: StandInUpstream;
let router: RunningRouter;

const start = (): Promise<RunningRouter> =>
  startKept({ folder, baseUrl: upstream.baseUrl, models: ['m', COUNTED_MODEL] });

beforeAll(async () => {
  upstream = await startStandIn(['m', COUNTED_MODEL]);
  router = await start();
});
afterAll(async () => {
  await router.stop();
  await upstream.close();
});

test('a router that is killed has its keys, aliases, chatbots, conversations and stored usage when it is back', async () => {
  const made = await sendTo(router, 'POST /admin/v1/keys', { body: { name: 'kept', models: ['*'] } });
  const revoked = await sendTo(router, 'POST /admin/v1/keys', { body: { name: 'revoked' } });
  await sendTo(router, `POST /admin/v1/keys/${String(revoked.json['id'])}/revoke`);
  const key = String(made.json['key']);
  await sendTo(router, 'PUT /admin/v1/aliases/other', { body: { models: ['m'] } });
  await sendTo(router, 'PUT /admin/v1/chatbots/helper', { body: { name: 'Helper', model: 'other' } });
  const say = (message: string, conversation_id?: unknown) =>
    sendTo(router, 'POST /api/v1/chatbot/external/helper/chat', { key, body: { message, conversation_id } });
  const conversation = (await say('remember me')).json['conversation_id'];
  const question = { model: COUNTED_MODEL, messages: [{ role: 'user', content: 'hello' }] };
  expect((await sendTo(router, 'POST /v1/chat/completions', { key, body: question })).status).toBe(200);
  await expect.poll(() => databaseText(folder).includes(COUNTED_MODEL), { timeout: 10_000 }).toBe(true);

  expect(await router.stop('SIGKILL')).toBeNull();
  router = await start();

  const models = await sendTo(router, 'GET /v1/models', { key });
  expect(models.status).toBe(200);
  expect(models.text).toContain('"other"');
  const refused = await sendTo(router, 'GET /v1/models', { key: String(revoked.json['key']) });
  expect(refused.text).toContain('api_key_revoked');
  expect(await say('and again', conversation)).toMatchObject({ status: 200, json: { message_count: 4 } });
  const sent = upstream.seen.at(-1)?.body['messages'] as { content: string }[];
  expect(sent.map(({ content }) => content)).toEqual(['remember me', 'echo: remember me', 'and again']);
  const usage = await sendTo(router, `GET /admin/v1/usage?model=${COUNTED_MODEL}`);
  expect(usage.json['totals']).toMatchObject({ requests: 1, promptTokens: 1, completionTokens: 2 });
});
