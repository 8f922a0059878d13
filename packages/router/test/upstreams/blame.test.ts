import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sendJson } from '../http-client.ts';
import { chat, startRouter } from '../running-router.ts';
import { completionEvents, json, type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
afterAll(() => upstream.close());

/** What the operator sees of the one upstream after a few requests. */
async function stateAfter(body: Record<string, unknown>, requests: number): Promise<Record<string, unknown>> {
  const running = await startRouter({
    upstreams: [{ name: 'up', baseUrl: upstream.baseUrl, models: ['m'], breaker: { failures: 3 } }],
    keys: [{ name: 'one', key: 'sotto_a_key_of_the_test' }],
    admin: { key: 'an_admin_key_of_the_test' },
  });
  const key = { authorization: 'Bearer sotto_a_key_of_the_test' };
  for (let sent = 0; sent < requests; sent++) await sendJson(`${running.url}/v1/chat/completions`, body, key);
  const admin = { authorization: 'Bearer an_admin_key_of_the_test' };
  const listed = await sendJsonGet(`${running.url}/admin/v1/upstreams`, admin);
  return listed[0] ?? {};
}

async function sendJsonGet(url: string, headers: Record<string, string>): Promise<Record<string, unknown>[]> {
  const answer = await fetch(url, { headers });
  return ((await answer.json()) as { data: Record<string, unknown>[] }).data;
}

describe('an upstream is to blame', () => {
  test.each([
    ['that answers with something else than JSON', 'upstream_invalid_response', '{"choices":', {}],
    ['that ends its streams before they are finished', 'upstream_failed', null, { stream: true }],
  ])('%s, and is left alone after some of them', async (_what, lastFailureCode, text, more) => {
    upstream.behave((_request, response) => {
      const type = text === null ? 'text/event-stream' : 'application/json';
      response.writeHead(200, { 'content-type': type }).end(text ?? completionEvents(['a'])[0]);
    });
    expect(await stateAfter(chat('x', more), 4)).toMatchObject({ breaker: 'open', failed: 3, lastFailureCode });
  });

  test('no more where it refuses a request for good reason', async () => {
    upstream.behave(json({ error: { message: 'too long' } }, 400));
    expect(await stateAfter(chat('x'), 4)).toMatchObject({ breaker: 'closed', failed: 0 });
  });
});
