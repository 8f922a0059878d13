import { errors } from 'undici';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { CountingClient, StaleSocketRetry, TracedRequest } from '../../src/upstreams/stale-socket-retry.ts';
import { UpstreamPool } from '../../src/upstreams/upstream-pool.ts';
import { eventually } from '../eventually.ts';
import { startRawUpstream } from '../raw-upstream.ts';
import { RecordingListener } from './scripted-upstream.ts';

const GOOD = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}';
/** Ends the connection without a word. */
const CLOSE = null;
/** At the end of an answer: ends the connection after it. */
const CUT = '<cut>';

/** A server that does at each connection's first, second, … request what it is told, and a pool of one connection. */
async function pool(...script: readonly (readonly (string | null)[])[]) {
  let requests = 0;
  let connections = 0;
  const raw = await startRawUpstream((socket) => {
    const answers = script[connections++] ?? [];
    let at = 0;
    const answer = (): void => {
      requests++;
      const next = answers[at++] ?? CLOSE;
      if (next === CLOSE) socket.destroy();
      else if (next.endsWith(CUT)) socket.end(next.slice(0, -CUT.length));
      else socket.write(next);
    };
    answer();
    socket.on('data', answer);
  });
  const timeouts = { connectTimeoutMs: 1_000, firstByteTimeoutMs: 1_000, idleTimeoutMs: 1_000 };
  const made = new UpstreamPool({ baseUrl: raw.baseUrl, maxConcurrent: 1, ...timeouts });
  onTestFinished(() => made.close());
  const ask = async (): Promise<RecordingListener> => {
    const told = new RecordingListener();
    const request = { method: 'POST', path: '/x', body: Buffer.from('{"model":"m"}'), headers: {} } as const;
    made.start(request, told);
    await eventually('the call is over', () => told.ends + told.errors.length > 0);
    return told;
  };
  return { ask, seen: () => ({ requests, connections }), sockets: raw.sockets };
}

describe('a request', () => {
  test('whose kept socket was closed is sent once more, on a new one', async () => {
    const { ask, seen } = await pool([GOOD, CLOSE], [GOOD]);
    expect(await ask()).toMatchObject({ heads: [200], ends: 1 });
    expect(await ask()).toMatchObject({ heads: [200], ends: 1, errors: [], resent: 1 });
    expect(seen()).toEqual({ requests: 3, connections: 2 });
  });

  test('whose new socket was closed is not: the server may have died of it', async () => {
    const { ask, seen } = await pool([CLOSE], [GOOD]);
    expect(await ask()).toMatchObject({ errors: [{ status: 502 }], resent: 0 });
    expect(seen().requests).toBe(1);
  });

  test('on a new socket is not, though the one before it had served', async () => {
    const { ask, seen, sockets } = await pool([GOOD + CUT], [CLOSE], [GOOD]);
    await ask();
    await eventually('the first socket is closed', () => sockets.size === 0);
    expect((await ask()).errors).toHaveLength(1);
    expect(seen()).toEqual({ requests: 2, connections: 2 });
  });

  test('is not sent a third time', async () => {
    const { ask, seen } = await pool([GOOD, CLOSE], [CLOSE], [GOOD]);
    await ask();
    expect((await ask()).errors).toHaveLength(1);
    expect(seen()).toEqual({ requests: 3, connections: 2 });
  });

  test('is not sent again once its answer has begun', async () => {
    const half = 'HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n{"half":';
    const { ask, seen } = await pool([GOOD, half + CUT], [GOOD]);
    await ask();
    expect(await ask()).toMatchObject({ heads: [200], errors: [{ status: 502 }] });
    expect(seen().requests).toBe(2);
  });
});

describe('a kept socket', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
  afterEach(() => void vi.useRealTimers());

  const controller = { aborted: false, paused: false, reason: null, abort() {}, pause() {}, resume() {} };

  /** Times that the request was sent again, where each time fails so on a kept socket. */
  function failAfter(silentMs: number, error: Error): number {
    const told: Error[] = [];
    const handler = {
      onRequestStart() {},
      onResponseStart() {},
      onResponseData() {},
      onResponseEnd() {},
      onResponseError: (_controller: unknown, failure: Error) => void told.push(failure),
    };
    const request = new TracedRequest('http://127.0.0.1:1', '/x', { method: 'POST', body: null, headers: {} });
    const client = new CountingClient(request.origin, {});
    client.answers = 1;
    request.connection = client;
    const retry = new StaleSocketRetry(request, handler, client);
    let sent = 0;
    client.dispatch = () => {
      sent++;
      retry.onRequestStart(controller, {});
      vi.advanceTimersByTime(silentMs);
      retry.onResponseError(controller, error);
      return true;
    };
    client.dispatch(request, retry);
    expect(told).toEqual([error]);
    return sent - 1;
  }

  const reset = Object.assign(new Error('reset'), { code: 'ECONNRESET' });

  test('that is reset at once was stale', () => {
    expect(failAfter(10, reset)).toBe(1);
    expect(failAfter(10, new errors.SocketError('other side closed'))).toBe(1);
  });

  test('that is reset after a while was not: the request may have crashed the server', () => {
    expect(failAfter(1_000, reset)).toBe(0);
  });

  test.each([new errors.HeadersTimeoutError(), new errors.RequestAbortedError(), new Error('what else')])(
    'that fails otherwise was not',
    (error) => {
      expect(failAfter(10, error)).toBe(0);
    },
  );
});
