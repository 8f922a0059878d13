import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, gate } from '../eventually.ts';
import { sealFor } from '../gateways/ohttp/open-exchange.ts';
import { chatInput, readAnswer } from '../gateways/ohttp/sealing-client.ts';
import { chat, startRouter, testRouter, upstreamsAt } from '../running-router.ts';
import { completionEvents, type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';
import { startDoor } from './running-door.ts';
import { codeOf, connectTo, isError, refusalOf } from './socket-client.ts';

const KEY = 'sotto_sealed-key';
let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
afterAll(() => upstream.close());

/** A router with one idle connection and one with a request under way. */
async function busyRouter(graceSeconds: number) {
  const running = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), shutdownGraceSeconds: graceSeconds });
  const hold = gate();
  upstream.behave(async (_request, response) => {
    const [first, ...rest] = completionEvents(['begun', ' finished']);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(first);
    await hold.opened;
    response.end(`${rest.join('')}data: [DONE]\n\n`);
  });
  const url = `${running.url}/v1/chat/completions`;
  const [idle, busy] = [await connectTo(url), await connectTo(url)];
  busy.send(chat('x', { request_id: 'old' }));
  await eventually('a request is under way', () => busy.received.length === 1);
  return { ...running, hold, idle, busy };
}

describe('a shutdown', () => {
  test('closes what is idle, refuses what comes, and lets what is under way finish', async () => {
    const { close, hold, idle, busy } = await busyRouter(60);
    const closing = close();
    expect((await idle.closed).code).toBe(1001);
    busy.send(chat('y', { request_id: 'new' }));
    expect((await busy.until(isError('shutting_down'))).request_id).toBe('new');
    hold.open();
    expect((await busy.closed).code).toBe(1001);
    expect(busy.contentOf('old')).toBe('begun finished');
    await closing;
  });

  test('ends what is not over after the grace with an error, and a close that says to come back', async () => {
    const { close, hold, busy } = await busyRouter(1);
    await close();
    expect((await busy.until(isError('shutting_down'))).request_id).toBe('old');
    expect((await busy.closed).code).toBe(1012);
    await eventually('the upstream is let go', async () => (await upstream.openConnections()) === 0);
    hold.open();
  });

  test('ends a sealed answer with an error inside and no final chunk, and a close that says to come back', async () => {
    const { url, close } = await startRouter({
      keys: [{ name: 'k', key: KEY }],
      upstreams: upstreamsAt(upstream.baseUrl),
      shutdownGraceSeconds: 1,
    });
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(completionEvents(['begun'])[0]);
    });
    const client = await connectTo(`${url}/v1/chat/completions`);
    const sealed = await sealFor(url, chatInput({ stream: true }, [['authorization', `Bearer ${KEY}`]]));
    const message = Buffer.from(sealed.body).toString('base64');
    client.send({ type: 'sealed', request_id: 'old', message });
    await client.until(({ chunk }) => chunk !== undefined);
    await close();
    expect((await client.closed).code).toBe(1012);
    // It says that nothing follows, and is not authenticated: what is missing is missing inside.
    expect(client.received.at(-1)).toMatchObject({ request_id: 'old', done: true });
    const reader = readAnswer(sealed);
    for (const { chunk } of client.received)
      if (chunk !== undefined) await reader.opener.push(Buffer.from(chunk, 'base64'));
    expect(reader.text()).toMatch(/begun[\s\S]*"code":"shutting_down"/);
    expect(reader.text()).not.toContain('[DONE]');
    await expect(reader.finish()).rejects.toMatchObject({ code: 'response_truncated' });
  });

  test('refuses new connections', async () => {
    const router = await testRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const { door, url } = await startDoor(router, {});
    door.drain();
    const refused = await refusalOf(url);
    expect([refused.status, codeOf(refused)]).toEqual([503, 'shutting_down']);
  });
});
