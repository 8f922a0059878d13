import { apiError, type SottoError } from '@sotto/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import type { GuardedUpstream } from '../../src/upstreams/guarded-upstream.ts';
import { type GuardedScript, guardedScript } from './guarded-script.ts';
import type { ManualClock } from './manual-clock.ts';
import { RecordingListener, requestTo, type ScriptedUpstream } from './scripted-upstream.ts';

let clock: ManualClock;
let inner: ScriptedUpstream;
let guarded: GuardedUpstream;
let begin: GuardedScript['begin'];
let fail: GuardedScript['fail'];
beforeEach(() => {
  ({ clock, inner, guarded, begin, fail } = guardedScript());
});

const turn = (): Promise<void> => Promise.resolve();
const codes = (told: RecordingListener): unknown[] => told.errors.map((error: SottoError) => error.code);

describe('a call over the cap', () => {
  test('begins when one before it is over', () => {
    for (const path of ['/a', '/b', '/c']) begin(path);
    expect(inner.calls).toHaveLength(2);
    expect(guarded.state).toMatchObject({ underWay: 2, waiting: 1 });
    inner.calls[0]?.listener.onHead(200, {});
    expect(inner.calls).toHaveLength(2);
    inner.calls[0]?.listener.onEnd();
    expect(inner.calls.map(({ request }) => request.path)).toEqual(['/a', '/b', '/c']);
  });

  test('begins when one before it is cancelled, and only once', () => {
    const [first] = [begin('/a'), begin('/b'), begin('/c'), begin('/d')];
    first.call.cancel();
    first.call.cancel();
    expect(inner.calls).toHaveLength(3);
    expect(inner.calls[0]?.cancelled).toBe(true);
  });

  test('is refused where the line is full, but not before `start` returns', async () => {
    for (let i = 0; i < 4; i++) begin();
    const { told } = begin();
    expect(told.errors).toEqual([]);
    await turn();
    expect(codes(told)).toEqual(['overloaded']);
    expect(told.errors[0]).toMatchObject({ status: 503, retryAfterMs: 1_000 });
    expect(guarded.state).toMatchObject({ underWay: 2, waiting: 2 });
  });

  test('is refused when its time in line is over, and never begins', () => {
    begin();
    begin();
    const { told } = begin('/late');
    clock.advance(100);
    expect(codes(told)).toEqual(['overloaded']);
    inner.answer(200);
    expect(inner.calls).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  test('that is cancelled leaves the line at once, and hears nothing', async () => {
    begin();
    begin();
    const { call, told } = begin('/gone');
    call.cancel();
    expect(guarded.state.waiting).toBe(0);
    expect(clock.pending).toBe(0);
    inner.answer(200);
    clock.advance(1_000);
    await turn();
    expect(inner.calls).toHaveLength(2);
    expect(told).toMatchObject({ heads: [], errors: [], ends: 0 });
  });

  test('that is rejected without an answer leaves the line, and the upstream is not blamed', () => {
    begin();
    begin();
    begin().call.reject?.('upstream_failed');
    expect(guarded.state).toMatchObject({ waiting: 0, underWay: 2, failed: 0 });
  });

  test('that was refused is not told so after it was cancelled', async () => {
    for (let i = 0; i < 4; i++) begin();
    const { call, told } = begin();
    call.cancel();
    await turn();
    expect(told.errors).toEqual([]);
  });

  test('goes elsewhere once the upstream takes no calls', async () => {
    for (let i = 0; i < 2; i++) fail();
    begin();
    begin();
    const waiting = [begin('/waits'), begin('/waits')];
    inner.fail(apiError('upstream_failed', 'no'));
    for (const { told } of waiting) expect(codes(told)).toEqual(['upstream_unavailable']);
    expect(inner.calls.map(({ request }) => request.path)).not.toContain('/waits');
    const { told: next } = begin();
    await turn();
    expect(codes(next)).toEqual(['upstream_unavailable']);
  });
});

test.each([1, 1_000])('an answer is passed on as it comes, in pieces of %i bytes', (length) => {
  const answer = new TextEncoder().encode(`data: ${JSON.stringify({ text: 'wörter ✓' })}\n\ndata: [DONE]\n\n`);
  const told: (number | string)[] = [];
  const call = guarded.start(requestTo('/x'), {
    onHead: (status) => told.push(status),
    onData: (chunk) => told.push(...chunk),
    onEnd: () => told.push('end'),
    onError: (error) => told.push(error.code),
  });
  const listener = inner.calls[0]?.listener;
  listener?.onHead(200, {});
  for (let at = 0; at < answer.length; at += length) listener?.onData(answer.subarray(at, at + length));
  call.pause();
  call.resume();
  listener?.onEnd();
  expect(told).toEqual([200, ...answer, 'end']);
  expect(inner.calls[0]?.steering).toEqual(['pause', 'resume']);
});

test('of two idle upstreams the weightier bears less', () => {
  expect(guardedScript(3).guarded.load).toBeLessThan(guardedScript(2).guarded.load);
});

test('keeps its place where the listener throws at the end', () => {
  const told = Object.assign(new RecordingListener(), {
    onEnd: () => {
      throw new Error('the listener’s own');
    },
  });
  guarded.start(requestTo('/x'), told);
  expect(() => inner.answer(200)).toThrow('the listener’s own');
  expect(guarded.state.underWay).toBe(0);
});

test('an upstream that throws costs no place, and is not blamed', async () => {
  inner.start = () => {
    throw new TypeError('a mistake');
  };
  const { told } = begin();
  const { call, told: gone } = begin();
  call.cancel();
  await turn();
  expect(codes(told)).toEqual(['internal_error']);
  expect(gone.errors).toEqual([]);
  expect(guarded.state).toMatchObject({ underWay: 0, failed: 0 });
});

test('closing it refuses those who wait and those who come', async () => {
  begin();
  begin();
  const { told: waits } = begin();
  await guarded.close();
  const { told: late } = begin();
  await turn();
  expect([codes(waits), codes(late)]).toEqual([['shutting_down'], ['shutting_down']]);
  expect(inner.closed).toBe(true);
  expect(clock.pending).toBe(0);
});
