import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { chat, startRouter, upstreamsAt } from '../running-router.ts';
import { type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

const KEY = 'sotto_documented';
let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
afterAll(() => upstream.close());

async function start(): Promise<string> {
  const { url } = await startRouter({ keys: [{ name: 'k', key: KEY }], upstreams: upstreamsAt(upstream.baseUrl) });
  return `${url.replace('http', 'ws')}/v1/chat/completions`;
}

/** What such a client takes every message for. */
interface Chunk {
  readonly choices: readonly [{ readonly delta: { readonly content?: string }; readonly finish_reason: string | null }];
}

/** A client as people write it: no guard anywhere, and whatever it throws fails the test. */
function readUnguarded(socket: WebSocket, onFinish: () => void): Promise<{ text: string; code: number }> {
  let text = '';
  return new Promise((resolve, reject) => {
    socket.on('message', (data: Buffer) => {
      try {
        const parsed = JSON.parse(data.toString('utf8')) as Chunk;
        text += parsed.choices[0].delta.content ?? '';
        if (parsed.choices[0].finish_reason !== null) onFinish();
      } catch (error) {
        reject(error instanceof Error ? error : new Error('something was thrown'));
      }
    });
    socket.on('error', reject);
    socket.on('close', (code: number) => resolve({ text, code }));
  });
}

describe('a client that reads choices[0].delta of every message', () => {
  test('and sends its key in the first one runs to the end', async () => {
    const socket = new WebSocket(await start());
    socket.on('open', () => {
      socket.send(JSON.stringify({ type: 'auth', api_key: KEY }));
      socket.send(JSON.stringify(chat('a b c', { stream: true, stream_options: { include_usage: true } })));
    });
    const { text, code } = await readUnguarded(socket, () => socket.close(1000));
    expect([text, code]).toEqual(['echo: a b c', 1000]);
  });

  test('and sends its key in the query runs through several requests', async () => {
    const socket = new WebSocket(`${await start()}?token=${KEY}`);
    let asked = 0;
    const ask = (): void => {
      asked++;
      if (asked > 3) socket.close(1000);
      else socket.send(JSON.stringify(chat(`${asked};`, { stream: true, request_id: `r${asked}` })));
    };
    socket.on('open', ask);
    const { text, code } = await readUnguarded(socket, ask);
    expect([text, code]).toEqual(['echo: 1;echo: 2;echo: 3;', 1000]);
  });
});
