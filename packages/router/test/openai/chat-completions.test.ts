import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { errorOf, send, sendJson } from '../http-client.ts';
import { chat, type RunningRouter, startRouter, upstreamsAt } from '../running-router.ts';
import { completion, completionEvents, json, type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

let upstream: StandInUpstream;
let running: RunningRouter;
let url: string;
beforeAll(async () => {
  upstream = await startStandIn();
});
beforeEach(async () => {
  running = await startRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
  url = `${running.url}/v1/chat/completions`;
});
afterAll(() => upstream.close());

const post = (body: string, headers: Record<string, string> = { 'content-type': 'application/json' }) =>
  send(url, { body, headers });

describe('a chat request', () => {
  test('is answered with the very bytes of the upstream, unknown fields and spaces and all', async () => {
    const bytes = '{ "id":"x",\n\t"choices": [ {"later":1e400} ],"big":12345678901234567890, "é":"\\u00e9" }\n';
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end(bytes);
    });
    const answer = await sendJson(url, chat('x'));
    expect(answer.status).toBe(200);
    expect(answer.text).toBe(bytes);
    expect(answer.headers['content-type']).toBe('application/json');
  });

  test('reaches the upstream as the very bytes it came in, where nothing has to change', async () => {
    upstream.behave(json(completion('x')));
    const bytes =
      '{ "seed": 12345678901234567890, "messages":[{"role":"user","content":"ü"}],\n "model" :"m", "later": [1.50] }';
    expect((await post(bytes)).status).toBe(200);
    expect(upstream.seen.at(-1)?.bodyText).toBe(bytes);
  });

  test('says who answered it, why, and under which id', async () => {
    upstream.behave(json(completion('x')));
    const { headers } = await sendJson(url, chat('x'));
    expect(headers).toMatchObject({
      'x-sotto-tier': 'standard',
      'x-sotto-tier-source': 'default',
      'x-sotto-upstream-class': 'loopback',
    });
    expect(headers['x-request-id']).toMatch(/^req_[0-9a-f]{24}$/);
  });

  test('takes neither the caller’s key nor their header fields to the upstream', async () => {
    upstream.behave(json(completion('x')));
    const mine = { authorization: 'Bearer caller-secret', 'x-api-key': 'caller-secret', cookie: 'a=b', 'x-later': '1' };
    await sendJson(url, chat('x'), mine);
    const headers = JSON.stringify(upstream.seen.at(-1)?.headers);
    expect(headers).not.toContain('caller-secret');
    expect(headers).not.toMatch(/cookie|x-later/);
  });

  test('takes none of the upstream’s header fields back', async () => {
    upstream.behave(
      json(completion('x'), 200, { 'set-cookie': 'a=b', server: 'secret-host', 'openai-organization': 'o' }),
    );
    const { headers } = await sendJson(url, chat('x'));
    for (const name of ['set-cookie', 'server', 'openai-organization']) expect(headers).not.toHaveProperty(name);
  });

  test('without a content type is taken for JSON', async () => {
    upstream.behave(json(completion('x')));
    expect((await post(JSON.stringify(chat('x')), {})).status).toBe(200);
    expect((await post(JSON.stringify(chat('x')), { 'content-type': 'Application/JSON; charset=utf-8' })).status).toBe(
      200,
    );
  });
});

describe('a chat request that has to be changed', () => {
  test('keeps what no parser could write again: long numbers, and lists nested deeper than a stack', async () => {
    const seen: string[] = [];
    upstream.behave((request, response) => {
      seen.push(request.bodyText);
      json(completion('x'))(request, response);
    });
    const deep = '['.repeat(200_000) + ']'.repeat(200_000);
    const rest = `"messages":[{"role":"user"}],"seed":12345678901234567890,"deep":${deep}`;
    expect((await post(`{"model":"m","security_tier":null,${rest}}`)).status).toBe(200);
    expect(seen).toEqual([`{"model":"m",${rest}}`]);
  });
});

describe('a streamed chat request', () => {
  test('is answered with the very bytes of the upstream', async () => {
    const stream = `: comment\r\n\r\n${completionEvents(['a', ' b', ' ü']).join('')}event: x\ndata: [DONE]\n\n`;
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' }).end(stream);
    });
    const answer = await sendJson(url, chat('x', { stream: true }));
    expect(answer.text).toBe(stream);
    expect(answer.complete).toBe(true);
    expect(answer.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
      'x-sotto-tier': 'standard',
    });
  });

  test('is the same bytes where the upstream sends them one by one', async () => {
    const stream = `${completionEvents(['a', ' ü']).join('')}data: [DONE]\n\n`;
    upstream.behave(async (_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      for (const byte of Buffer.from(stream)) {
        response.write(Uint8Array.of(byte));
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    });
    const answer = await sendJson(url, chat('x', { stream: true }));
    expect(answer.text).toBe(stream);
    expect(answer.complete).toBe(true);
  });
});

describe('a chat request that is refused', () => {
  test.each([
    ['not JSON', '{"model":', 'invalid_json', null],
    ['empty', '', 'invalid_json', null],
    ['a list', '[]', 'invalid_json', null],
    ['null', 'null', 'invalid_json', null],
    ['behind a byte order mark', `\ufeff${JSON.stringify(chat('x'))}`, 'invalid_json', null],
    ['without a model', '{"messages":[{"role":"user"}]}', 'invalid_request', 'model'],
    ['with an empty model', '{"model":"","messages":[{"role":"user"}]}', 'invalid_request', 'model'],
    ['with a model without end', JSON.stringify(chat('x', { model: 'm'.repeat(257) })), 'invalid_request', 'model'],
    ['with a model that is a list', '{"model":["m"],"messages":[{"role":"user"}]}', 'invalid_request', 'model'],
    ['without messages', '{"model":"m"}', 'invalid_request', 'messages'],
    ['with no message', '{"model":"m","messages":[]}', 'invalid_request', 'messages'],
    ['with a message that is a string', '{"model":"m","messages":["hi"]}', 'invalid_request', 'messages[0]'],
    [
      'with a message without a role',
      '{"model":"m","messages":[{"role":"user"},{}]}',
      'invalid_request',
      'messages[1].role',
    ],
    ['with a stream that is a string', JSON.stringify(chat('x', { stream: 'yes' })), 'invalid_request', 'stream'],
  ])('is told so where it is %s', async (_what, body, code, param) => {
    const asked = upstream.seen.length;
    const answer = await post(body);
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toMatchObject({ code, param, type: 'invalid_request_error' });
    expect(answer.json()).not.toHaveProperty('detail');
    expect(upstream.seen).toHaveLength(asked);
    expect(running.internalErrors).toEqual([]);
  });

  test('is told so where it is not UTF-8', async () => {
    const answer = await send(url, { body: Buffer.from(JSON.stringify(chat('\u00ff')), 'latin1') });
    expect(errorOf(answer).code).toBe('invalid_json');
  });

  test('is told so where it is no JSON by its content type', async () => {
    for (const type of ['text/plain', 'application/jsonp', 'multipart/form-data; boundary=x', '']) {
      const answer = await post(JSON.stringify(chat('x')), { 'content-type': type });
      expect(answer.status, type).toBe(415);
      expect(errorOf(answer).code).toBe('unsupported_media_type');
    }
  });

  test('names the models that there are where the one asked for is none', async () => {
    const answer = await sendJson(url, chat('x', { model: 'nope' }));
    expect(answer.status).toBe(404);
    expect(errorOf(answer)).toMatchObject({ code: 'model_not_found', param: 'model', type: 'not_found_error' });
    expect(errorOf(answer).message).toMatch(/: m$/);
  });
});

describe('the error of an upstream', () => {
  test('that is about the request keeps its words, code and field', async () => {
    const error = { message: 'max_tokens is too large', type: 'bad', param: 'max_tokens', code: 'too_large' };
    upstream.behave(json({ error }, 400));
    const answer = await sendJson(url, chat('x'));
    expect(answer.status).toBe(400);
    expect(errorOf(answer)).toEqual(error);
  });

  test.each([
    [401, 502, 'upstream_failed'],
    [402, 502, 'upstream_failed'],
    [403, 502, 'upstream_failed'],
    [407, 502, 'upstream_failed'],
    [408, 504, 'upstream_timeout'],
    [422, 400, 'invalid_request'],
    [500, 502, 'upstream_failed'],
    [503, 503, 'upstream_unavailable'],
    [504, 504, 'upstream_timeout'],
    [301, 502, 'upstream_failed'],
  ])('with status %i is a %i', async (theirs, status, code) => {
    upstream.behave(json({ detail: 'ACCOUNT-4711 quota' }, theirs, { location: 'http://elsewhere/' }));
    const answer = await sendJson(url, chat('x'));
    expect(answer.status).toBe(status);
    expect(errorOf(answer).code).toBe(code);
    expect(answer.headers).not.toHaveProperty('location');
    if (status >= 500) expect(answer.text).not.toContain('ACCOUNT-4711');
  });

  test('is read to its limit and not beyond', async () => {
    upstream.behave((_request, response) => {
      response.writeHead(400, { 'content-type': 'application/json' }).end(`{"error":"${'e'.repeat(1_000_000)}"}`);
    });
    const answer = await sendJson(url, chat('x'));
    expect(answer.status).toBe(400);
    expect(answer.text.length).toBeLessThan(2_000);
  });

  test('comes as an error also where a stream was asked for', async () => {
    upstream.behave(json({ error: { message: 'no' } }, 400));
    const answer = await sendJson(url, chat('x', { stream: true }));
    expect(answer.status).toBe(400);
    expect(answer.headers['content-type']).toBe('application/json');
  });
});
