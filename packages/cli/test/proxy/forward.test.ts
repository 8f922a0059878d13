import { APIConnectionError, apiErrorOfStatus, ConfigurationError, SecurityError } from '@sotto/protocol';
import { describe, expect, test } from 'vitest';
import type { SealedFetch } from '../../src/proxy/forward.ts';
import { begin, headOf, send, startProxy } from './running-proxy.ts';

interface Seen {
  readonly url: string;
  readonly method: string | undefined;
  readonly headers: Record<string, string>;
  readonly body: string | null;
}

/** Answers with `respond`, and keeps what came. */
function recording(respond: () => Response, seen: Seen[]): SealedFetch {
  return async (url, { method, headers, body }) => {
    const text = body === null ? null : new TextDecoder().decode(body as Uint8Array);
    seen.push({ url, method, headers: Object.fromEntries(new Headers(headers)), body: text });
    return respond();
  };
}

describe('a request on its way', () => {
  test('keeps method, path, query, body and the fields that are about it, and loses those about the connection', async () => {
    const seen: Seen[] = [];
    const { url } = await startProxy(recording(() => new Response('ok'), seen));
    const fields = { authorization: 'Bearer theirs', 'content-type': 'application/json', 'x-stainless-lang': 'js' };
    const local = { cookie: 'a=b', referer: `${url}/`, origin: url, te: 'trailers', 'accept-encoding': 'gzip' };
    await send(`${url}/v1/chat/completions?a=%20b`, { method: 'POST', headers: { ...fields, ...local }, body: '{}' });
    expect(seen).toEqual([
      { url: 'https://router.test/v1/chat/completions?a=%20b', method: 'POST', headers: fields, body: '{}' },
    ]);
  });

  test("carries the proxy's own key where it has one, whatever the caller sent", async () => {
    const seen: Seen[] = [];
    const { url } = await startProxy(
      recording(() => new Response('ok'), seen),
      { apiKey: 'ours' },
    );
    await send(`${url}/v1/models`, { headers: { authorization: 'Bearer theirs', 'x-api-key': 'theirs' } });
    await send(`${url}/v1/models`);
    expect(seen.map(({ headers }) => headers)).toEqual([
      { authorization: 'Bearer ours' },
      { authorization: 'Bearer ours' },
    ]);
    expect(seen.map(({ body }) => body)).toEqual([null, null]);
  });

  test('of more than 32 MiB is a 413, be its length told or found out', async () => {
    const seen: Seen[] = [];
    const { url, records } = await startProxy(recording(() => new Response('ok'), seen));
    const told = begin(url, { method: 'POST', headers: { 'content-length': String(33 * 2 ** 20) } });
    told.flushHeaders();
    expect((await headOf(told)).statusCode).toBe(413);
    told.destroy();

    const megabyte = Buffer.alloc(2 ** 20);
    const found = begin(url, { method: 'POST', headers: { 'transfer-encoding': 'chunked' } });
    const head = headOf(found);
    for (let count = 0; count < 33; count++) found.write(megabyte);
    found.end();
    const answer = await head;
    expect(answer.statusCode).toBe(413);
    // Sent again it would be as long.
    expect(answer.headers['x-should-retry']).toBe('false');
    let text = '';
    for await (const chunk of answer.setEncoding('utf8')) text += String(chunk);
    expect(JSON.parse(text)).toMatchObject({ error: { code: 'payload_too_large' } });
    expect(seen).toEqual([]);
    expect(records.map(({ status }) => status)).toEqual([413, 413]);
  });

  test('whose caller goes away before its body is whole is not sent', async () => {
    const seen: Seen[] = [];
    const { url, nextRecord } = await startProxy(recording(() => new Response('ok'), seen));
    const record = nextRecord();
    const sent = begin(url, { method: 'POST', headers: { 'content-length': '10' } });
    sent.on('error', () => {});
    sent.write('half', () => sent.destroy());
    expect(await record).toMatchObject({ status: null, failure: null });
    expect(seen).toEqual([]);
  });
});

describe('an answer on its way back', () => {
  test('keeps status and fields, and its chunks come as they are made', async () => {
    let enqueue: (text: string) => void = () => {};
    let finish = (): void => {};
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        enqueue = (text) => controller.enqueue(new TextEncoder().encode(text));
        finish = () => controller.close();
      },
    });
    const headers = { 'content-type': 'text/event-stream', 'x-request-id': 'r1', connection: 'close' };
    const { url, records } = await startProxy(async () => new Response(body, { headers }));
    const sent = begin(`${url}/v1/chat/completions`);
    sent.end();
    // The head does not wait for the first chunk.
    const answer = await headOf(sent);
    expect(answer.headers).toMatchObject({ 'content-type': 'text/event-stream', 'x-request-id': 'r1' });
    const chunks = answer.setEncoding('utf8')[Symbol.asyncIterator]();
    for (const word of ['one', 'two', 'three']) {
      enqueue(word);
      expect((await chunks.next()).value).toBe(word);
    }
    finish();
    expect((await chunks.next()).done).toBe(true);
    expect(records).toMatchObject([{ method: 'GET', path: '/v1/chat/completions', status: 200, failure: null }]);
  });

  test('is read no faster than the caller takes it, for any number of times, and leaves no listener behind', async () => {
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on('warning', onWarning);
    const piece = new Uint8Array(256 * 1024).fill(0x61);
    let pulled = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (++pulled > 64) controller.close();
          else controller.enqueue(piece);
        },
      },
      { highWaterMark: 0 },
    );
    const { url } = await startProxy(async () => new Response(body));
    const sent = begin(`${url}/v1/files`);
    sent.end();
    const answer = await headOf(sent);
    answer.pause();
    // Time enough for another request: had it been read ahead, all of it would be here by now.
    for (let turn = 0; turn < 20; turn++) await send(`${url}/sotto/status`);
    expect(pulled).toBeLessThan(64);
    let length = 0;
    for await (const chunk of answer) length += (chunk as Buffer).length;
    expect(length).toBe(64 * piece.length);
    process.off('warning', onWarning);
    expect(warnings).toEqual([]);
  });

  test('without a body has none: 204, and any answer to HEAD', async () => {
    const { url } = await startProxy(
      async (_url, { method }) => new Response(null, { status: method === 'HEAD' ? 200 : 204 }),
    );
    expect(await send(`${url}/v1/files/1`, { method: 'DELETE' })).toMatchObject({ status: 204, text: '' });
    expect(await send(`${url}/v1/models`, { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
  });

  test('ends for the router too when the caller goes away', async () => {
    let signal: AbortSignal | null = null;
    const { url, nextRecord } = await startProxy(async (_url, init) => {
      signal = init.signal ?? null;
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('first'));
          init.signal?.addEventListener('abort', () => controller.error(init.signal?.reason));
        },
      });
      return new Response(body);
    });
    const record = nextRecord();
    const sent = begin(`${url}/v1/chat/completions`);
    sent.on('error', () => {});
    sent.end();
    (await headOf(sent)).once('data', () => sent.destroy());
    expect(await record).toMatchObject({ status: null, failure: null });
    expect((signal as AbortSignal | null)?.aborted).toBe(true);
  });
});

describe('a failure', () => {
  const connection = new APIConnectionError('no answer', { code: 'connection_failed' });
  const unsealed = new SecurityError('not sealed', { code: 'response_not_sealed' });
  const truncated = new SecurityError('cut off', { code: 'response_truncated' });
  const busy = apiErrorOfStatus(503, 'busy', {
    code: 'response_not_sealed',
    retryAfterMs: 1_500,
    authenticated: false,
  });
  const malformed = new ConfigurationError('a field is malformed', { code: 'invalid_option' });

  test.each([
    ['a connection that failed', connection, 502, 'connection_failed', 'true', true],
    ['a broken promise of the protocol', unsealed, 403, 'response_not_sealed', 'false', true],
    ['a busy box before the router', busy, 503, 'response_not_sealed', 'true', true],
    ['a request that cannot be sent', malformed, 400, 'invalid_option', 'false', false],
    ['anything else', new TypeError('a secret'), 502, 'internal_error', 'true', false],
  ])('%s is a status and an error in the shape of OpenAI', async (_what, error, status, code, retry, isOfRouter) => {
    const { url, records } = await startProxy(() => Promise.reject(error));
    const answer = await send(`${url}/v1/models`);
    expect(answer.status).toBe(status);
    expect(answer.headers['x-should-retry']).toBe(retry);
    expect(answer.headers['retry-after-ms']).toBe(error === busy ? '1500' : undefined);
    expect(JSON.parse(answer.text)).toMatchObject({ error: { code, type: 'sotto_proxy_error', param: null } });
    expect(answer.text).not.toContain('secret');
    expect(records).toMatchObject([{ status, failure: isOfRouter ? { code } : null }]);
  });

  test.each([
    ['text/event-stream', true],
    ['application/json', false],
  ])('in the middle of %s breaks the connection off, and says so in a stream of events', async (type, says) => {
    const body = new ReadableStream({
      start(controller) {
        controller.enqueue(new TextEncoder().encode('data: {"half'));
      },
      pull(controller) {
        controller.error(truncated);
      },
    });
    const headers = { 'content-type': type };
    const { url, nextRecord } = await startProxy(async () => new Response(body, { headers }));
    const record = nextRecord();
    const sent = begin(`${url}/v1/chat/completions`);
    sent.end();
    const answer = await headOf(sent);
    let text = '';
    const read = async (): Promise<void> => {
      for await (const chunk of answer.setEncoding('utf8')) text += String(chunk);
    };
    await expect(read()).rejects.toThrow();
    expect(text.startsWith('data: {"half')).toBe(true);
    expect(text.includes('\n\ndata: {"error":')).toBe(says);
    expect(text.includes('response_truncated')).toBe(says);
    // What the caller got, and why that was not all.
    expect(await record).toMatchObject({ status: 200, failure: { code: 'response_truncated' } });
  });
});
