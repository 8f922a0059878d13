import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureFetch } from '@sotto/client';
import type { RouterServer } from '@sotto/router';
import { WebSocket } from 'undici';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  completion,
  completionEvents,
  json,
  type StandInUpstream,
  startStandIn,
} from '../packages/router/test/stand-in-upstream.ts';
import { API_KEY, startRouterAt } from './sealed-router.ts';
import { startHaproxy, startNginx, type TlsTerminator } from './tls-terminator.ts';
import { withProgram } from './with-program.ts';

const CHAT = '/v1/chat/completions';
const HELLO = { messages: [{ role: 'user', content: 'hello' }] };

withProgram(['nginx', '-v'], 'nginx as docs/deployment.md sets it up', () => behindTls(startNginx));
withProgram(['haproxy', '-v'], 'HAProxy as docs/deployment.md sets it up', () => behindTls(startHaproxy));

function behindTls(start: (folder: string, routers: readonly string[]) => Promise<TlsTerminator>): void {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-e2e-'));
  let upstream: StandInUpstream;
  let router: RouterServer;
  let tls: TlsTerminator;

  beforeAll(async () => {
    upstream = await startStandIn(['m']);
    router = (await startRouterAt(upstream.baseUrl)).server;
    tls = await start(mkdtempSync(join(folder, 'one-')), [router.url]);
  });
  afterAll(async () => {
    await tls?.close();
    await upstream.close();
    await router.close();
    rmSync(folder, { recursive: true, force: true });
  });

  function ask(send: typeof fetch, body: object, url = `${tls.origin}${CHAT}`): Promise<Response> {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${API_KEY}` };
    return send(url, { method: 'POST', headers, body: JSON.stringify({ model: 'm', ...body }) });
  }

  const ways = {
    clear: () => tls.fetch,
    sealed: () => createSecureFetch({ routerUrl: tls.origin, fetch: tls.fetch }) as unknown as typeof fetch,
  };

  test.each(Object.entries(ways))(
    '%s: the first words of a stream arrive while the model still thinks',
    async (_, way) => {
      const [first = '', ...rest] = completionEvents(['one', 'two']);
      let goOn = (): void => undefined;
      const thinking = new Promise<void>((resolve) => (goOn = resolve));
      upstream.behave(async (_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write(first);
        await thinking;
        response.end(`${rest.join('')}data: [DONE]\n\n`);
      });
      const answer = await ask(way(), { stream: true, ...HELLO });
      expect(answer.status).toBe(200);
      const reader = (answer.body ?? new ReadableStream<Uint8Array>()).getReader();
      const decoder = new TextDecoder();
      let text = '';
      while (!text.includes('one')) text += await readOn(reader, decoder);
      expect(text).not.toContain('two');
      goOn();
      while (!text.includes('[DONE]')) text += await readOn(reader, decoder);
      expect(text).toContain('two');
    },
  );

  test.each(Object.entries(ways))('%s: a request of megabytes passes', async (_, way) => {
    let length = 0;
    upstream.behave((request, response) => {
      length = (request.body['messages'] as { content: string }[])[0]?.content.length ?? 0;
      json(completion('hi'))(request, response);
    });
    const answer = await ask(way(), { messages: [{ role: 'user', content: 'x'.repeat(4_000_000) }] });
    expect([answer.status, length]).toEqual([200, 4_000_000]);
  });

  test('a WebSocket opens, answers, and its key in the query is not in the log', async () => {
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.end(`${completionEvents(['one', ' two']).join('')}data: [DONE]\n\n`);
    });
    const url = `${tls.origin.replace('https', 'wss')}${CHAT}?token=${API_KEY}`;
    const socket = new WebSocket(url, { dispatcher: tls.dispatcher });
    const text = await new Promise<string>((resolve, reject) => {
      let words = '';
      socket.onopen = () => socket.send(JSON.stringify({ model: 'm', stream: true, ...HELLO }));
      socket.onerror = () => reject(new Error('the socket failed'));
      socket.onclose = () => resolve(words);
      socket.onmessage = ({ data }) => {
        const { choices } = JSON.parse(String(data)) as {
          choices: { delta: { content?: string }; finish_reason: string | null }[];
        };
        words += choices[0]?.delta.content ?? '';
        if (choices[0]?.finish_reason === 'stop') socket.close(1000);
      };
    });
    expect(text).toBe('one two');
    const answer = await ask(tls.fetch, HELLO, `${tls.origin}${CHAT}?api_key=${API_KEY}`);
    await answer.text();
    await expect.poll(() => tls.log().split(CHAT).length).toBeGreaterThan(2);
    expect(tls.log()).not.toContain(API_KEY);
  });

  test('with one router gone, the other answers everything', async () => {
    upstream.behave(json(completion('hi')));
    const gone = (await startRouterAt(upstream.baseUrl)).server;
    const both = await start(mkdtempSync(join(folder, 'two-')), [gone.url, router.url]);
    const statusesOf = async (count: number): Promise<number[]> => {
      const statuses = new Set<number>();
      for (let each = 0; each < count; each++) {
        const answer = await ask(both.fetch, HELLO, `${both.origin}${CHAT}`);
        await answer.text();
        statuses.add(answer.status);
      }
      return [...statuses];
    };
    try {
      expect(await statusesOf(4)).toEqual([200]);
      await gone.close();
      expect(await statusesOf(20)).toEqual([200]);
    } finally {
      await both.close();
    }
  });
}

async function readOn(reader: ReadableStreamDefaultReader<Uint8Array>, decoder: TextDecoder): Promise<string> {
  const { done, value } = await reader.read();
  if (done) throw new Error('the stream ended too early');
  return decoder.decode(value, { stream: true });
}
