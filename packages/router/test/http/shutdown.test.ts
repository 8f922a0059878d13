import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { serve } from '../../src/serve.ts';
import { eventually, gate } from '../eventually.ts';
import { errorOf, send, sendJson } from '../http-client.ts';
import { chat, startRouter, testRouter, upstreamsAt } from '../running-router.ts';
import { completion, completionEvents, json, type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
afterAll(() => upstream.close());

/** An upstream that answers when it is told to, and a request under way to it. */
async function withRequestUnderWay(graceSeconds: number) {
  const running = await startRouter({
    upstreams: upstreamsAt(upstream.baseUrl),
    shutdownGraceSeconds: graceSeconds,
  });
  const hold = gate();
  upstream.behave(async (request, response) => {
    await hold.opened;
    await json(completion('finished'))(request, response);
  });
  const asked = upstream.seen.length;
  const held = sendJson(`${running.url}/v1/chat/completions`, chat('x'));
  held.catch(() => {});
  await eventually('the request is under way', () => upstream.seen.length > asked);
  return { ...running, hold, held };
}

describe('a shutdown', () => {
  test('lets what is under way finish, then closes', async () => {
    const { close, hold, held, url } = await withRequestUnderWay(60);
    const closing = close();
    await eventually('nobody is let in any more', () =>
      send(`${url}/health`).then(
        () => false,
        () => true,
      ),
    );
    hold.open();
    expect((await held).text).toContain('finished');
    await closing;
  });

  test('refuses what comes meanwhile on connections that are open', async () => {
    const { close, hold, held, url } = await withRequestUnderWay(60);
    const { port } = new URL(url);
    const asked = upstream.seen.length;
    const request = `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${JSON.stringify(chat('x')).length}\r\n\r\n${JSON.stringify(chat('x'))}`;
    const socket = connect(Number(port), '127.0.0.1');
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.write(request);
    await eventually('its first request is under way', () => upstream.seen.length > asked);
    const closing = close();
    socket.write('GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\nGET /health HTTP/1.1\r\nhost: x\r\n\r\n');
    hold.open();
    expect((await held).status).toBe(200);
    await new Promise((resolve) => socket.on('close', resolve));
    await closing;
    expect(text).toContain('finished');
    expect(text).toContain('HTTP/1.1 503 ');
    expect(text).toContain('"code":"shutting_down"');
    expect(text.toLowerCase()).toContain('retry-after: 1');
  });

  test('ends what is not over after the grace, with an error that says to try again', async () => {
    const { close, held, hold } = await withRequestUnderWay(1);
    await close();
    const answer = await held;
    expect([answer.status, errorOf(answer).code, answer.headers['retry-after']]).toEqual([503, 'shutting_down', '1']);
    hold.open();
  });

  test('cuts off what has nobody to be told', async () => {
    const { close, url, router } = await startRouter({
      upstreams: upstreamsAt(upstream.baseUrl),
      shutdownGraceSeconds: 1,
    });
    // Half a request: its end never comes.
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    const closed = new Promise((resolve) => socket.on('close', resolve));
    socket.write('POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{');
    await eventually('it is under way', async () => {
      const metrics = await router.fetch(new Request('http://router/metrics'));
      return (await metrics.text()).includes('sotto_requests_under_way 2');
    });
    await close();
    await closed;
  });

  test('can be hurried: what is under way is cut', async () => {
    const { router, url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const server = await serve(router);
    const hold = gate();
    upstream.behave(() => hold.opened);
    const asked = upstream.seen.length;
    const held = sendJson(`${server.url}/v1/chat/completions`, chat('x'));
    held.catch(() => {});
    await eventually('the request is under way', () => upstream.seen.length > asked);
    const closing = server.close();
    server.terminate();
    await closing;
    await expect(held).rejects.toThrow();
    hold.open();
    expect(url).not.toBe(server.url);
  });

  test('first tells probes and goes on, for as long as balancers take to notice', async () => {
    const running = await startRouter({
      upstreams: upstreamsAt(upstream.baseUrl),
      drainDelaySeconds: 1,
    });
    upstream.behave(json(completion('late and whole')));
    const closing = running.close();
    const ready = await send(`${running.url}/health/ready`);
    expect([ready.status, ready.text]).toEqual([503, expect.stringContaining('shutting_down')]);
    const answer = await sendJson(`${running.url}/v1/chat/completions`, chat('x'));
    expect([answer.status, answer.headers['connection']]).toEqual([200, 'close']);
    await closing;
    await expect(send(`${running.url}/health`)).rejects.toThrow();
  });

  test('ends a stream with an error event and no end, so that nobody takes it for whole', async () => {
    const running = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), shutdownGraceSeconds: 1 });
    let begun = false;
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(completionEvents(['a'])[0] ?? '', () => (begun = true));
    });
    const held = sendJson(`${running.url}/v1/chat/completions`, chat('x', { stream: true }));
    await eventually('the stream has begun', () => begun);
    await running.close();
    const answer = await held;
    expect(answer.complete).toBe(false);
    expect(answer.text).not.toContain('[DONE]');
    const last = answer.text.trimEnd().split('\n\n').at(-1) ?? '';
    expect(JSON.parse(last.replace(/^data: /, ''))).toMatchObject({ error: { code: 'shutting_down' } });
    await eventually('the upstream is let go', async () => (await upstream.openConnections()) === 0);
  });

  test('asked for twice is one', async () => {
    const { close, router } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    await Promise.all([close(), close()]);
    await router.drain();
  });

  test('tells probes before it tells anybody else', async () => {
    const router = await testRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    await router.drain();
    const health = await router.fetch(new Request('http://router/health'));
    expect(health.status).toBe(503);
    expect(await health.json()).toMatchObject({ status: 'shutting_down' });
    const refused = await router.fetch(new Request('http://router/v1/models'));
    expect(refused.status).toBe(503);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ error: { code: 'shutting_down' } });
  });
});

describe('requests under way', () => {
  test('are held to their number, and the next one is let in when one is over', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), limits: { openStreams: 2 } });
    const hold = gate();
    upstream.behave(async (request, response) => {
      await hold.opened;
      await json(completion('x'))(request, response);
    });
    const asked = upstream.seen.length;
    const ask = () => sendJson(`${url}/v1/chat/completions`, chat('x'));
    const held = [ask(), ask()];
    await eventually('both are under way', () => upstream.seen.length === asked + 2);
    const refused = await ask();
    expect(refused.status).toBe(503);
    expect(errorOf(refused).code).toBe('overloaded');
    expect(refused.headers['retry-after']).toBe('1');
    expect((await send(`${url}/health`)).status).toBe(200);
    hold.open();
    for (const answer of await Promise.all(held)) expect(answer.status).toBe(200);
    expect((await ask()).status).toBe(200);
  });
});
