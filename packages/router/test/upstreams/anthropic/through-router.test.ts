import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { errorOf, send, sendJson } from '../../http-client.ts';
import { ask as askSealed } from '../../nomyo-client.ts';
import { chat, startRouter } from '../../running-router.ts';
import { json, type StandInUpstream } from '../../stand-in-upstream.ts';
import { API_KEY, message, messageEvents, startMessagesStandIn, streamed, textEvents } from './messages-stand-in.ts';

let standIn: StandInUpstream;
beforeAll(async () => {
  standIn = await startMessagesStandIn();
});
beforeEach(() => standIn.behave(streamed(messageEvents([textEvents(0, ['Hello', ' world'])]))));
afterAll(() => standIn.close());

/** A router in front of the stand-in. */
const start = (more: { readonly models?: string[] } = { models: ['m'] }) =>
  startRouter(
    { upstreams: [{ name: 'claude', type: 'anthropic', baseUrl: standIn.baseUrl, apiKeyEnv: 'CLAUDE_KEY', ...more }] },
    { environment: { CLAUDE_KEY: API_KEY } },
  );

describe('through the router', () => {
  test('a stream ends with a finish reason and [DONE]', async () => {
    const { url } = await start();
    const answer = await sendJson(`${url}/v1/chat/completions`, chat('x', { stream: true }));
    expect(answer.complete).toBe(true);
    expect(answer.text).toContain('"finish_reason":"stop"');
    expect(answer.text.endsWith('data: [DONE]\n\n')).toBe(true);
    expect(answer.text).not.toContain('"choices":[]');
  });

  test('a sealed request gets a sealed answer', async () => {
    standIn.behave(json(message([{ type: 'text', text: 'Hello world' }])));
    const { url } = await start();
    const answer = await askSealed(url, chat('x'));
    expect(answer.status).toBe(200);
    expect(standIn.seen.at(-1)?.body['messages']).toEqual([{ role: 'user', content: [{ type: 'text', text: 'x' }] }]);
  });

  test('what cannot be had is refused by its name', async () => {
    const { url } = await start();
    const answer = await sendJson(`${url}/v1/chat/completions`, chat('x', { seed: 1 }));
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toMatchObject({ code: 'invalid_request', param: 'seed' });
  });

  test('models are those that the API lists', async () => {
    standIn.behave(json({ data: [{ type: 'model', id: 'claude-9' }], has_more: false }));
    const { url } = await start({});
    expect((await send(`${url}/v1/models`)).text).toContain('"claude-9"');
  });
});
