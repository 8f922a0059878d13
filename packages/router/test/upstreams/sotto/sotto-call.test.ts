import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { SottoCall } from '../../../src/upstreams/sotto/sotto-call.ts';
import type { UpstreamListener } from '../../../src/upstreams/upstream.ts';
import { RecordingListener } from '../scripted-upstream.ts';

/** An answer of three chunks, and how many of them were asked for. */
function threeChunks(status = 200): { readonly response: Response; readonly pulled: () => number } {
  let pulled = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        pulled++;
        if (pulled > 3) controller.close();
        else controller.enqueue(Uint8Array.of(pulled));
      },
    },
    { highWaterMark: 0 },
  );
  return { response: new Response(body, { status }), pulled: () => pulled };
}

interface Over {
  begun: number;
  unproved: number;
  over: number;
}

function start(listener: UpstreamListener, send: (signal: AbortSignal) => Promise<Response>) {
  const heard: Over = { begun: 0, unproved: 0, over: 0 };
  const call = new SottoCall(listener, {
    onBegun: () => heard.begun++,
    onUnproved: () => heard.unproved++,
    onOver: () => heard.over++,
  });
  return { call, heard, ended: call.run(send) };
}

describe('a call to another router', () => {
  test('reports nothing before it is in its caller’s hands', async () => {
    const listener = new RecordingListener();
    const { ended } = start(listener, async () => threeChunks().response);
    expect(listener.heads).toEqual([]);
    await ended;
    expect(listener.heads).toEqual([200]);
  });

  test('asks for no more of the answer while it is held back', async () => {
    const { response, pulled } = threeChunks();
    const listener = new RecordingListener();
    const { call, heard, ended } = start(listener, async () => response);
    listener.onHead = () => call.pause();
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(pulled()).toBe(0);
    listener.onData = () => call.pause();
    call.resume();
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    expect(pulled()).toBe(1);
    listener.onData = () => {};
    call.resume();
    await ended;
    expect(pulled()).toBe(4);
    expect(heard).toEqual({ begun: 1, unproved: 0, over: 1 });
  });

  test('that is cancelled while it is held back ends, and tells no more', async () => {
    const listener = new RecordingListener();
    let aborted = false;
    const { call, heard, ended } = start(listener, async (signal) => {
      signal.addEventListener('abort', () => (aborted = true));
      return threeChunks().response;
    });
    listener.onHead = () => call.pause();
    listener.onData = () => expect.unreachable('an answer after the end');
    listener.onEnd = () => expect.unreachable('an end after the end');
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    call.cancel();
    call.cancel();
    await ended;
    expect(aborted).toBe(true);
    expect(listener.errors).toEqual([]);
    expect(heard.over).toBe(1);
  });

  test('that is cancelled at once sends nothing', async () => {
    let sent = false;
    const { call, ended } = start(new RecordingListener(), async () => {
      sent = true;
      return threeChunks().response;
    });
    call.cancel();
    await ended;
    expect(sent).toBe(false);
  });

  test.each(['tier_not_available', 'upstream_not_attested'])(
    'that the other router refuses with %s is refused with the same, and does not make it unproved',
    async (code) => {
      const listener = new RecordingListener();
      const { heard, ended } = start(listener, async () => Response.json({ error: { code } }, { status: 403 }));
      await ended;
      expect(listener.errors).toMatchObject([{ code, status: 403 }]);
      expect(listener.heads).toEqual([]);
      expect(heard).toEqual({ begun: 1, unproved: 0, over: 1 });
    },
  );

  test.each([
    ['another reason', '{"error":{"code":"invalid_api_key"}}'],
    ['no reason', ''],
    ['a reason without end', 'x'.repeat(1_000_000)],
  ])('that is refused with a 403 for %s is a 403 without words', async (_what, text) => {
    const listener = new RecordingListener();
    let chunks = 0;
    listener.onData = () => void chunks++;
    await start(listener, async () => new Response(text, { status: 403 })).ended;
    expect(listener.heads).toEqual([403]);
    expect(chunks).toBe(0);
  });
});
