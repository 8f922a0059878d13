import { request as httpRequest, type IncomingMessage } from 'node:http';
import { createSecureFetch } from '@sotto/client/node';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually } from '../../eventually.ts';
import { errorOf, send, sendJson } from '../../http-client.ts';
import { refusingBaseUrl } from '../../raw-upstream.ts';
import { chat, type RunningRouter, startRouter } from '../../running-router.ts';
import {
  completion,
  completionEvents,
  json,
  type StandInUpstream,
  startStandIn,
  wellBehaved,
} from '../../stand-in-upstream.ts';
import { type FrontOptions, type RouterFront, startFront } from './router-front.ts';

let model: StandInUpstream;
let second: RunningRouter;
beforeAll(async () => {
  model = await startStandIn();
});
beforeEach(async () => {
  model.behave(wellBehaved(['m']));
  second = await startRouter({
    keys: [{ name: 'first', key: 'sotto_first_router', tiers: ['standard', 'high'] }],
    upstreams: [{ name: 'model', baseUrl: model.baseUrl, tier: 'high', models: ['m'] }],
  });
});
afterAll(() => model.close());

/** A router whose only upstream is the second one, seen through what stands before it. */
async function nested(
  more: object = {},
  options: FrontOptions = {},
): Promise<{ first: RunningRouter; front: RouterFront }> {
  const front = await startFront(second.url, options);
  const other = {
    name: 'second',
    type: 'sotto',
    baseUrl: front.url,
    pinnedSigners: [second.router.signerFingerprint],
    apiKeyEnv: 'SECOND_KEY',
    models: ['m'],
    tier: 'high',
    probe: false,
    ...more,
  } as const;
  const environment = { SECOND_KEY: 'sotto_first_router' };
  return { front, first: await startRouter({ upstreams: [other] }, { environment }) };
}

const path = '/v1/chat/completions';
const direct = (body: object) => sendJson(`${second.url}${path}`, body, { authorization: 'Bearer sotto_first_router' });

/** Asks a router sealed, as its own clients do. */
async function askSealed(url: string, tier: string, more: Record<string, unknown> = {}): Promise<Response> {
  const sealedFetch = createSecureFetch({ routerUrl: url, allowHttp: true });
  const headers = { 'content-type': 'application/json', 'x-security-tier': tier };
  return sealedFetch(`${url}${path}`, { method: 'POST', headers, body: JSON.stringify(chat('x', more)) });
}

describe('through two routers', () => {
  test('an answer in one piece is the one that the second gives', async () => {
    const { first, front } = await nested();
    const answer = await sendJson(`${first.url}${path}`, chat('hello'));
    expect(answer.text).toBe((await direct(chat('hello'))).text);
    expect(answer.headers).toMatchObject({ 'x-sotto-tier': 'standard', 'x-sotto-upstream-class': 'sealed' });
    expect(front.sealed).toBe(1);
  });

  test.each([
    ['as it comes', false],
    ['byte by byte', true],
  ])('a stream is the one that the second gives, its sealed bytes arriving %s', async (_how, byteByByte) => {
    const { first } = await nested({}, { byteByByte });
    const body = chat('one two three ✓', { stream: true, stream_options: { include_usage: true } });
    const answer = await sendJson(`${first.url}${path}`, body);
    expect(answer.text).toBe((await direct(body)).text);
    expect(answer.text).toContain('[DONE]');
    expect(answer.complete).toBe(true);
  });

  test('a stream comes event by event, not gathered', async () => {
    const events = completionEvents(['a', 'b']);
    let goOn: () => void = () => {};
    model.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(events[0]);
      goOn = () => void response.end(`${events.slice(1).join('')}data: [DONE]\n\n`);
    });
    const { first } = await nested();
    const answer = await askSealed(first.url, 'standard', { stream: true });
    const reader = answer.body?.getReader();
    const { value } = (await reader?.read()) ?? {};
    expect(new TextDecoder().decode(value)).toBe(events[0]);
    goOn();
    let rest = '';
    for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) {
      rest += new TextDecoder().decode(read.value);
    }
    expect(rest).toContain('[DONE]');
  });

  test('the tier of the request is the one that the second keeps', async () => {
    const { first } = await nested();
    const answer = await askSealed(first.url, 'high');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('x-sotto-tier')).toBe('high');
    expect(answer.headers.get('x-sotto-upstream-class')).toBe('sealed');
  });

  test('a tier that the second refuses comes to no answer of a quieter one', async () => {
    await second.close();
    second = await startRouter({ upstreams: [{ name: 'model', baseUrl: model.baseUrl, models: ['m'] }] });
    const asked = model.seen.length;
    const { first } = await nested();
    const answer = await askSealed(first.url, 'high');
    expect(answer.status).toBe(403);
    expect(await answer.json()).toMatchObject({ error: { code: 'tier_not_available', param: 'security_tier' } });
    expect(model.seen).toHaveLength(asked);
  });

  test('a key that the second refuses is this router’s own affair', async () => {
    const { first } = await nested({ apiKeyEnv: undefined });
    const answer = await sendJson(`${first.url}${path}`, chat('x'));
    expect(answer.status).toBe(502);
    expect(errorOf(answer).code).toBe('upstream_failed');
    expect(answer.text).not.toContain('key');
  });

  test('models are discovered from the second, and its own words about a request are passed on', async () => {
    const { first } = await nested({ models: undefined });
    const list = await send(`${first.url}/v1/models`);
    expect(list.json()).toMatchObject({ data: [{ id: 'm' }] });
    model.behave(json({ error: { message: 'no such thing', type: 'invalid_request_error', code: 'odd' } }, 400));
    const refused = await sendJson(`${first.url}${path}`, chat('x'));
    expect(refused.status).toBe(400);
    expect(errorOf(refused)).toMatchObject({ message: 'no such thing', code: 'odd' });
  });

  test('the prompt, the model and the key pass what stands between them sealed', async () => {
    const bodies: Buffer[] = [];
    const front = await startFront(second.url);
    const tapped = await startTap(front.url, bodies);
    const { first } = await nested({ baseUrl: tapped });
    const answer = await sendJson(`${first.url}${path}`, chat('a secret of mine'));
    expect(answer.status).toBe(200);
    const wire = Buffer.concat(bodies).toString('latin1');
    expect(wire).toContain('ohttp');
    for (const secret of ['a secret of mine', 'sotto_first_router', 'chat/completions', 'echo']) {
      expect(wire).not.toContain(secret);
    }
  });
});

describe('a caller who goes away', () => {
  test('in the middle of a stream takes the request with it, through both routers', async () => {
    let closed = false;
    model.behave((_request, response) => {
      response.on('close', () => (closed = true));
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(completionEvents(['a'])[0]);
    });
    const { first, front } = await nested();
    const request = httpRequest(`${first.url}${path}`, { method: 'POST', agent: false });
    request.on('error', () => {});
    const response = new Promise<IncomingMessage>((resolve) => request.on('response', resolve));
    request.end(JSON.stringify(chat('x', { stream: true })));
    await new Promise((resolve) => void response.then((answer) => answer.once('data', resolve)));
    request.destroy();
    await eventually('the model server sees it', () => closed);
    await eventually('nothing is under way between the routers', () => front.underWay === 0);
    await first.router.drain();
    await second.router.drain();
  });

  test('before the head takes the request with it, through both routers', async () => {
    let closed = false;
    model.behave((_request, response) => void response.on('close', () => (closed = true)));
    const { first, front } = await nested();
    const asked = model.seen.length;
    const request = httpRequest(`${first.url}${path}`, { method: 'POST', agent: false });
    request.on('error', () => {});
    request.end(JSON.stringify(chat('x')));
    await eventually('the model server is asked', () => model.seen.length > asked);
    request.destroy();
    await eventually('the model server sees it', () => closed);
    await eventually('nothing is under way between the routers', () => front.underWay === 0);
    await first.router.drain();
  });
});

describe('a second router that is gone', () => {
  test('is a 503, and its caller may try again', async () => {
    const { first } = await nested({ baseUrl: await refusingBaseUrl() });
    const answer = await sendJson(`${first.url}${path}`, chat('x'));
    expect(answer.status).toBe(503);
    expect(errorOf(answer).code).toBe('upstream_unavailable');
  });

  test('is made up for by another server of the model', async () => {
    const spare = await startStandIn();
    const first = await startRouter({
      upstreams: [
        {
          name: 'second',
          type: 'sotto',
          baseUrl: await refusingBaseUrl(),
          pinnedSigners: [second.router.signerFingerprint],
          models: ['m'],
        },
        { name: 'spare', baseUrl: spare.baseUrl, models: ['m'] },
      ],
    });
    const answer = await sendJson(`${first.url}${path}`, chat('x'));
    expect(answer.status).toBe(200);
    expect(answer.headers['x-sotto-upstream-class']).toBe('loopback');
    await spare.close();
  });

  test('in the middle of a stream never makes half an answer look whole', async () => {
    model.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' }).write(completionEvents(['a'])[0]);
    });
    const { first, front } = await nested();
    const answer = sendJson(`${first.url}${path}`, chat('x', { stream: true }));
    await eventually('the stream is under way', () => front.underWay === 1 && model.seen.length > 0);
    await front.close();
    const { text, complete } = await answer;
    expect(text).not.toContain('[DONE]');
    expect(complete && text.includes('"finish_reason":"stop"')).toBe(false);
  });

  test('too slow to begin is a 504', async () => {
    model.behave(() => {});
    const { first } = await nested({ timeoutMs: 200 });
    const answer = await sendJson(`${first.url}${path}`, chat('x'));
    expect(answer.status).toBe(504);
    expect(errorOf(answer).code).toBe('upstream_timeout');
  });

  test('is let go of when the first closes: calls under way end with an error', async () => {
    model.behave(() => {});
    const { first, front } = await nested();
    const answer = sendJson(`${first.url}${path}`, chat('x'));
    await eventually('the request is under way', () => front.underWay === 1);
    await first.router.close();
    expect(errorOf(await answer).code).toBe('shutting_down');
    await eventually('nothing is under way between the routers', () => front.underWay === 0);
  });
});

describe('a second router that another identity signs for', () => {
  test('gets no byte of the prompt, whatever the tier', async () => {
    const { first, front } = await nested({ pinnedSigners: ['ab'.repeat(32)] });
    for (const tier of ['standard', 'high']) {
      const answer = await askSealed(first.url, tier);
      expect(answer.status).toBe(403);
      expect(await answer.json()).toMatchObject({ error: { code: 'upstream_not_attested' } });
    }
    expect(front.sealed).toBe(0);
    expect(first.internalErrors).toEqual([]);
  });

  test('is no candidate: another server of the model and tier answers', async () => {
    const spare = await startStandIn();
    spare.behave(json(completion('from the spare')));
    const front = await startFront(second.url);
    const first = await startRouter({
      upstreams: [
        { name: 'second', type: 'sotto', baseUrl: front.url, pinnedSigners: ['ab'.repeat(32)], models: ['m'] },
        { name: 'spare', baseUrl: spare.baseUrl, models: ['m'] },
      ],
    });
    for (let turn = 0; turn < 2; turn++) {
      const answer = await sendJson(`${first.url}${path}`, chat('x'));
      expect(answer.headers['x-sotto-upstream-class']).toBe('loopback');
    }
    expect(front.sealed).toBe(0);
    await spare.close();
  });
});

/** A relay that keeps a copy of what passes in both directions. */
async function startTap(target: string, kept: Buffer[]): Promise<string> {
  const { createServer, connect } = await import('node:net');
  const { port } = new URL(target);
  const server = createServer((near) => {
    const far = connect(Number(port), '127.0.0.1');
    near.on('data', (chunk) => kept.push(chunk)).on('error', () => far.destroy());
    far.on('data', (chunk) => kept.push(chunk)).on('error', () => near.destroy());
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the tap has no port');
  return `http://127.0.0.1:${address.port}`;
}
