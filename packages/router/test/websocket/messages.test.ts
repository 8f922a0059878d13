import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventually, gate } from '../eventually.ts';
import { chat, startRouter, type TestConfig, upstreamsAt } from '../running-router.ts';
import { completionEvents, json, type StandInUpstream, startStandIn, wellBehaved } from '../stand-in-upstream.ts';
import { connectTo, isError, isLast } from './socket-client.ts';

let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
beforeEach(() => upstream.behave(wellBehaved(['m'])));
afterAll(() => upstream.close());

async function connect(more: Partial<TestConfig> = {}, path = '/v1/chat/completions') {
  const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl), ...more });
  return connectTo(url + path);
}

/** Has the upstream hold each streamed answer back behind its first word until told to go on. */
function holdAnswers() {
  const hold = gate();
  const responses: ServerResponse[] = [];
  upstream.behave(async (request, response) => {
    const [message] = request.body['messages'] as { content: string }[];
    responses.push(response);
    const events = completionEvents([`${message?.content} begins`, ' and ends']);
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write(events[0]);
    await hold.opened;
    response.end(`${events.slice(1).join('')}data: [DONE]\n\n`);
  });
  return { hold, responses };
}

/** Whether the router went away before the answer's end. */
const isCutOff = (response: ServerResponse): boolean => response.destroyed && !response.writableFinished;

describe('a request', () => {
  test('is streamed unless it says otherwise, one chunk a message, and no end but the finishing chunk', async () => {
    const client = await connect();
    client.send(chat('a b c'));
    await client.until(isLast());
    client.send({ type: 'ping' });
    await client.until(({ type }) => type === 'pong');
    expect(client.contentOf()).toBe('echo: a b c');
    expect(client.received).toHaveLength(6);
    expect(client.received.slice(0, -1).every(({ object }) => object === 'chat.completion.chunk')).toBe(true);
    expect(upstream.seen.at(-1)?.body['stream']).toBe(true);
  });

  test('that wants its answer whole gets one message', async () => {
    const client = await connect();
    client.send(chat('a b', { stream: false, request_id: 'one' }));
    const answer = await client.until(({ object }) => object === 'chat.completion');
    expect(answer).toMatchObject({ request_id: 'one', choices: [{ message: { content: 'echo: a b' } }] });
    expect(client.received).toHaveLength(1);
  });

  test('reaches the model server without what is the connection’s own, and with every digit it came with', async () => {
    const client = await connect();
    client.send(
      '{"request\\u005fid":"x", "model":"m","seed":12345678901234567890123,"messages":[{"role":"user","content":"\\"id\\":{"}] , "id" : "x","stream":null}',
    );
    await client.until(isLast('x'));
    const sent = upstream.seen.at(-1)?.bodyText ?? '';
    expect(sent).toContain('"seed":12345678901234567890123');
    expect(Object.keys(JSON.parse(sent) as object)).not.toContain('request_id');
    expect(Object.keys(JSON.parse(sent) as object)).not.toContain('id');
    expect(JSON.parse(sent)).toMatchObject({ stream: true, messages: [{ content: '"id":{' }] });
  });

  test('has every chunk named by its request_id, and left alone otherwise', async () => {
    const chunk =
      '{"request_id":"spoofed","created":12345678901234567890123,"choices":[{"index":0,"delta":{"content":"x"}}]}';
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`data: ${chunk}\n\n${completionEvents([]).join('')}data: [DONE]\n\n`);
    });
    const client = await connect();
    client.send(chat('x', { request_id: 'mine' }));
    await client.until(isLast('mine'));
    expect(client.texts[0]).toBe(
      '{"request_id":"mine","created":12345678901234567890123,"choices":[{"index":0,"delta":{"content":"x"}}]}',
    );
    client.send(chat('x'));
    await client.until(({ request_id: id }) => id === 'spoofed');
    expect(client.texts[2]).toBe(chunk);
  });

  test.each([
    ['/v1/completions', 'text_completion'],
    ['/api/v1/completions', 'text_completion'],
  ])('at %s is a completion', async (path, object) => {
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(
        `data: {"object":"${object}","choices":[{"text":"x","index":0,"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n`,
      );
    });
    const client = await connect({}, path);
    client.send({ model: 'm', prompt: 'say x' });
    await client.until(isLast());
    expect(client.received).toMatchObject([{ object }]);
    expect(upstream.seen.at(-1)?.path).toBe('/v1/completions');
  });

  test('keeps the tier of the upgrade', async () => {
    const { url } = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
    const client = await connectTo(`${url}/v1/chat/completions`, { headers: { 'x-security-tier': 'nonsense' } });
    client.send(chat('x'));
    await client.until(isError('invalid_security_tier'));
  });
});

describe('several requests', () => {
  test('are under way at once and told apart by their ids', async () => {
    const { hold } = holdAnswers();
    const client = await connect();
    for (const id of ['a', 'b', 'c']) client.send(chat(id, { request_id: id }));
    client.send(chat('d'));
    await eventually('all have begun', () => client.received.length === 4);
    hold.open();
    for (const id of ['a', 'b', 'c', undefined]) await client.until(isLast(id));
    for (const id of ['a', 'b', 'c']) expect(client.contentOf(id)).toBe(`${id} begins and ends`);
    expect(client.contentOf()).toBe('d begins and ends');
  });

  test('without ids, or with one, come one after the other', async () => {
    const { hold } = holdAnswers();
    const client = await connect();
    client.send(chat('a'));
    client.send(chat('b'));
    client.send(chat('c', { id: 'x' }));
    client.send(chat('d', { request_id: 'x' }));
    await eventually('both are refused', () => client.received.filter(({ error }) => error).length === 2);
    for (const { error, request_id: id } of client.received.filter((message) => message.error)) {
      expect(error).toMatchObject({ code: 'invalid_request', param: 'request_id' });
      expect(id).toBeUndefined();
    }
    hold.open();
    await client.until(isLast());
    await client.until(isLast('x'));
    client.send(chat('again'));
    await eventually('the next is let in', () => client.contentOf().includes('again begins'));
  });

  test('are held to their number, and one that is over makes room', async () => {
    const { hold } = holdAnswers();
    const client = await connect();
    for (let at = 0; at < 33; at++) client.send(chat(String(at), { request_id: `r${at}` }));
    expect((await client.until(isError('rate_limit_exceeded'))).request_id).toBe('r32');
    client.send({ type: 'cancel', request_id: 'r0' });
    await client.until(({ type }) => type === 'cancelled');
    client.send(chat('next', { request_id: 'next' }));
    hold.open();
    await client.until(isLast('next'));
  });
});

describe('a cancel', () => {
  test('frees the upstream, and the connection goes on', async () => {
    const { hold, responses } = holdAnswers();
    const client = await connect();
    client.send(chat('a', { request_id: 'a' }));
    client.send(chat('b', { request_id: 'b' }));
    await eventually('both have begun', () => client.received.length === 2);
    client.send({ type: 'cancel', request_id: 'a' });
    expect(await client.until(({ type }) => type === 'cancelled')).toEqual({ type: 'cancelled', request_id: 'a' });
    await eventually('one is let go', () => responses.filter(isCutOff).length === 1);
    hold.open();
    await client.until(isLast('b'));
    expect(client.contentOf('a')).toBe('a begins');
  });

  test('of what is over, or never was, says the same', async () => {
    const client = await connect();
    client.send({ type: 'cancel', request_id: 'nothing' });
    client.send({ type: 'cancel' });
    await eventually('both are answered', () => client.received.length === 2);
    expect(client.received).toEqual([{ type: 'cancelled', request_id: 'nothing' }, { type: 'cancelled' }]);
  });
});

describe('a client that goes away', () => {
  test('takes all its requests with it', async () => {
    const { responses } = holdAnswers();
    const client = await connect();
    for (const id of ['a', 'b', 'c']) client.send(chat(id, { request_id: id }));
    await eventually('all have begun', () => client.received.length === 3);
    client.socket.terminate();
    await eventually('every one is let go', () => responses.filter(isCutOff).length === 3);
    await eventually('no upstream socket is left', async () => (await upstream.openConnections()) === 0);
  });
});

describe('bad input', () => {
  test.each([
    ['half a JSON', '{"model":"m","messages":[', 'invalid_json'],
    ['no JSON', 'hello', 'invalid_json'],
    ['no text at all', '', 'invalid_json'],
    ['an array', '[]', 'invalid_json'],
    ['a type there is none of', '{"type":"subscribe"}', 'invalid_request'],
    ['a type of every object', '{"type":"constructor"}', 'invalid_request'],
    ['a type that is no text', '{"type":{}}', 'invalid_request'],
    ['an id that is no text', '{"type":"ping","request_id":{"a":1}}', 'invalid_request'],
    ['an id too long', `{"model":"m","request_id":"${'x'.repeat(129)}"}`, 'invalid_request'],
    ['no messages', '{"model":"m"}', 'invalid_request'],
    ['a key that is no text', '{"type":"sealed","request_id":"x"}', 'invalid_request'],
    ['a model there is none of', JSON.stringify({ ...chat('x'), model: 'none' }), 'model_not_found'],
  ])('%s is an error, and the connection goes on', async (_what, text, code) => {
    const client = await connect();
    client.send(text);
    await client.until(isError(code));
    client.send(chat('still here', { request_id: 'after' }));
    await client.until(isLast('after'));
  });

  test('names the request it is about', async () => {
    const client = await connect();
    client.send({ model: 'm', request_id: 'mine' });
    expect((await client.until(isError('invalid_request'))).request_id).toBe('mine');
  });

  test('that is binary is told so and ends the connection', async () => {
    const client = await connect();
    client.socket.send(Buffer.from(JSON.stringify(chat('x'))));
    client.send(chat('never read'));
    expect((await client.closed).code).toBe(1003);
    expect(client.received.map(({ error }) => error?.code)).toEqual(['unsupported_media_type']);
  });

  test('that is not UTF-8 ends the connection', async () => {
    const client = await connect();
    client.socket.send(Buffer.from([0x22, 0xff, 0x22]), { binary: false });
    expect((await client.closed).code).toBe(1007);
  });

  test('longer than a body may be is told so; longer than any message ends the connection', async () => {
    const client = await connect({ limits: { bodyBytes: 1_024 } });
    client.send(chat('x'.repeat(2_000), { request_id: 'long' }));
    expect((await client.until(isError('payload_too_large'))).request_id).toBe('long');
    client.send(chat('x'.repeat(200_000)));
    expect((await client.closed).code).toBe(1009);
    expect(client.received).toHaveLength(1);
  });

  test('in pieces is one message', async () => {
    const client = await connect();
    const text = JSON.stringify(chat('piece by piece'));
    [...text].forEach((character, at) => {
      client.socket.send(character, { fin: at === text.length - 1 });
    });
    await client.until(isLast());
    expect(client.contentOf()).toBe('echo: piece by piece');
  });
});

describe('an upstream', () => {
  test('that fails is an error, and the connection goes on', async () => {
    upstream.behave(json({ error: { message: 'secret host name' } }, 500));
    const client = await connect();
    client.send(chat('x', { request_id: 'mine' }));
    expect((await client.until(isError('upstream_failed'))).request_id).toBe('mine');
    expect(client.texts.join()).not.toContain('secret host name');
    upstream.behave(wellBehaved(['m']));
    client.send(chat('again'));
    await client.until(isLast());
  });

  test('that breaks off in the middle never looks finished', async () => {
    const client = await connect();
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(completionEvents(['half'])[0]);
      response.write('data: {"choices":[{"del', () => response.destroy());
    });
    client.send(chat('x', { request_id: 'mine' }));
    await client.until(({ error, request_id: id }) => error !== undefined && id === 'mine');
    expect(client.received).toHaveLength(2);
    expect(client.contentOf('mine')).toBe('half');
  });

  test('that sends what is no JSON is an error, and is let go', async () => {
    const responses: ServerResponse[] = [];
    upstream.behave((_request, response) => {
      responses.push(response);
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: {"choices":[{"delta":\n\n');
    });
    const client = await connect();
    client.send(chat('x', { request_id: 'mine' }));
    expect((await client.until(isError('upstream_invalid_response'))).request_id).toBe('mine');
    await eventually('it is let go', () => responses.every(isCutOff));
    expect(client.received).toHaveLength(1);
  });

  test('that trickles its stream byte by byte makes the same messages', async () => {
    const events = `: comment\r\n\r\n${completionEvents(['grüß', ' dich 🙂']).join('').replaceAll('\n', '\r\n')}`;
    upstream.behave(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const byte of Buffer.from(`${events}data: [DONE]\r\n\r\n`)) {
        await new Promise((resolve) => response.write(Buffer.of(byte), resolve));
      }
      response.end();
    });
    const client = await connect();
    client.send(chat('x'));
    await client.until(isLast());
    expect(client.contentOf()).toBe('grüß dich 🙂');
    expect(client.received).toHaveLength(3);
  });
});

describe('usage', () => {
  test('that comes last, without a choice, is in the finishing chunk', async () => {
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const usage = { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 };
      const events = completionEvents(['x']).join('').replaceAll('"choices"', '"usage":null,"choices"');
      response.end(
        `data: {"choices":[]}\n\n${events}data: ${JSON.stringify({ choices: [], usage })}\n\ndata: [DONE]\n\n`,
      );
    });
    const client = await connect();
    client.send(chat('x', { stream_options: { include_usage: true }, request_id: 'mine' }));
    expect((await client.until(isLast('mine'))).usage).toEqual({
      prompt_tokens: 1,
      completion_tokens: 2,
      total_tokens: 3,
    });
    expect(client.received.every(({ choices }) => choices?.length === 1)).toBe(true);
  });

  test('waits for the last of several choices', async () => {
    const choice = (index: number) => `data: {"choices":[{"index":${index},"delta":{},"finish_reason":"stop"}]}\n\n`;
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`${choice(0)}${choice(1)}data: {"choices":[],"usage":{"total_tokens":3}}\n\ndata: [DONE]\n\n`);
    });
    const client = await connect();
    client.send(chat('x', { n: 2, stream_options: { include_usage: true } }));
    await eventually('both are there', () => client.received.length === 2);
    expect(client.received.map(({ usage }) => usage?.['total_tokens'])).toEqual([undefined, 3]);
  });
});
