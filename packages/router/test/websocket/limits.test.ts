import type { ServerResponse } from 'node:http';
import { apiError } from '@sotto/protocol';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import WebSocket from 'ws';
import { eventually } from '../eventually.ts';
import { chat, testRouter, upstreamsAt } from '../running-router.ts';
import { type StandInUpstream, startStandIn, wellBehaved } from '../stand-in-upstream.ts';
import { startDoor } from './running-door.ts';
import { connectTo, isLast } from './socket-client.ts';

let upstream: StandInUpstream;
beforeAll(async () => {
  upstream = await startStandIn();
});
beforeEach(() => upstream.behave(wellBehaved(['m'])));
afterAll(() => upstream.close());

const makeRouter = () => testRouter({ upstreams: upstreamsAt(upstream.baseUrl) });
const EVENT = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'x'.repeat(4_000) } }] })}\n\n`;

/** An upstream that writes `events` events as fast as they are taken from it, then ends. */
function flood(events: number) {
  const progress = { written: 0, over: false };
  upstream.behave((_request, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    const write = (): void => {
      while (progress.written < events) {
        progress.written++;
        if (!response.write(EVENT)) {
          response.once('drain', write);
          return;
        }
      }
      response.end('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');
    };
    response.on('close', () => {
      progress.over = true;
    });
    write();
  });
  return progress;
}

describe('a connection', () => {
  test('that shows no key in time is told so and ended', async () => {
    const refuse = () => {
      throw apiError('missing_api_key', 'none');
    };
    const { url, door } = await startDoor(await makeRouter(), { authDeadlineMs: 50 }, { authenticate: refuse });
    const client = await connectTo(url);
    client.send({ type: 'ping' });
    expect((await client.closed).code).toBe(1008);
    expect(client.received.at(-1)?.error?.code).toBe('missing_api_key');
    await eventually('the door has let go of it', () => door.connections === 0);
  });

  test('that has nothing to do for long is ended', async () => {
    const { url } = await startDoor(await makeRouter(), { heartbeatMs: 20, idleMs: 100 });
    const client = await connectTo(url);
    expect((await client.closed).code).toBe(1000);
  });

  test('is kept while the other end answers pings, and while a request is under way', async () => {
    const { url } = await startDoor(await makeRouter(), { heartbeatMs: 20, idleMs: 50 });
    let finish: (() => void) | undefined;
    upstream.behave((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(EVENT);
      finish = () =>
        response.end('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n');
    });
    const client = await connectTo(url);
    let pings = 0;
    client.socket.on('ping', () => pings++);
    client.send(chat('x'));
    await eventually('it outlives the idle time', () => pings > 8);
    finish?.();
    await client.until(isLast());
  });

  test('whose other end answers no ping is cut', async () => {
    const { url, door } = await startDoor(await makeRouter(), { heartbeatMs: 30 });
    const client = await connectTo(url);
    client.socket.pause();
    await eventually('it is gone', () => door.connections === 0);
  });
});

describe('a long message', () => {
  test('keeps its connection for as long as it takes to come, pings answered or not', async () => {
    const { url } = await startDoor(await makeRouter(), { heartbeatMs: 30 });
    const socket = new WebSocket(url, { autoPong: false });
    onTestFinished(() => socket.terminate());
    let pieces = 0;
    let finished = '';
    const text = JSON.stringify(chat('x'));
    socket.on('ping', () => {
      if (pieces < 8) socket.send(pieces === 0 ? text : ' ', { fin: ++pieces === 8 });
    });
    socket.on('message', (data: Buffer) => {
      finished += data.toString('utf8');
    });
    await eventually('it is answered', () => finished.includes('"finish_reason":"stop"'));
    expect(pieces).toBe(8);
  });
});

describe('a slow reader', () => {
  const EVENTS = 12_000;

  test('holds its upstream back, and misses nothing', async () => {
    const { url } = await startDoor(await makeRouter(), { highWaterBytes: 65_536 });
    const progress = flood(EVENTS);
    const client = await connectTo(url);
    client.socket.pause();
    client.send(chat('x'));
    let before = -1;
    await eventually('the upstream is held back', () => {
      const still = progress.written > 0 && progress.written === before;
      before = progress.written;
      return still;
    });
    expect(progress.written).toBeLessThan(EVENTS);
    client.socket.resume();
    await client.until(isLast());
    expect(client.received).toHaveLength(EVENTS + 1);
  });

  test('that never reads is cut, and its upstream let go', async () => {
    const { url, door } = await startDoor(await makeRouter(), { highWaterBytes: 65_536, stallMs: 50 });
    const progress = flood(EVENTS);
    const client = await connectTo(url);
    client.socket.pause();
    client.send(chat('x'));
    await eventually('the connection is cut', () => door.connections === 0);
    await eventually('the upstream is let go', () => progress.over);
    expect(progress.written).toBeLessThan(EVENTS);
  });

  test('is cut rather than given more than may wait for it', async () => {
    const { url, door } = await startDoor(await makeRouter(), { highWaterBytes: 1_024, maxQueuedBytes: 65_536 });
    const client = await connectTo(url);
    client.socket.pause();
    const nothing = JSON.stringify({ type: 'cancel', request_id: 'x'.repeat(128) });
    // Nobody waits for room before such an answer: the bound on what is queued has to hold alone.
    await eventually('the connection is cut', () => {
      for (let at = 0; at < 2_000; at++) client.send(nothing);
      return door.connections === 0;
    });
  });
});
