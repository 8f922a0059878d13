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
let answered: GuardedScript['answered'];
beforeEach(() => {
  ({ clock, inner, guarded, begin, fail, answered } = guardedScript());
});

const turn = (): Promise<void> => Promise.resolve();
const codes = (told: RecordingListener): unknown[] => told.errors.map((error: SottoError) => error.code);

describe('the breaker counts', () => {
  test.each(['upstream_failed', 'upstream_timeout', 'upstream_unavailable', 'upstream_invalid_response'] as const)(
    '%s',
    async (code) => {
      for (let i = 0; i < 3; i++) {
        begin();
        inner.fail(apiError(code, 'no'));
      }
      expect(guarded.state).toMatchObject({ breaker: 'open', failed: 3, lastFailureCode: code });
      const { told } = begin();
      await turn();
      expect(told.errors[0]).toMatchObject({ code: 'upstream_unavailable', status: 503, retryAfterMs: 1_000 });
      expect(inner.calls).toHaveLength(3);
    },
  );

  test.each([500, 502, 503, 504, 599])('an answer of %i', (status) => {
    for (let i = 0; i < 3; i++) answered(status);
    expect(guarded.state.breaker).toBe('open');
  });

  test.each([200, 400, 401, 404, 422, 429, 501])('no answer of %i', (status) => {
    for (let i = 0; i < 10; i++) answered(status);
    expect(guarded.state).toMatchObject({ breaker: 'closed', failed: 0 });
  });

  test.each(['overloaded', 'shutting_down', 'invalid_request'] as const)(
    'no refusal of the router’s own: %s',
    (code) => {
      for (let i = 0; i < 10; i++) fail(code);
      expect(guarded.state).toMatchObject({ breaker: 'closed', failed: 0 });
    },
  );

  test('an answer that breaks off in the middle', () => {
    for (let i = 0; i < 3; i++) {
      begin();
      const listener = inner.calls.at(-1)?.listener;
      listener?.onHead(200, {});
      listener?.onData(new Uint8Array(1));
      listener?.onError(apiError('upstream_failed', 'broke off'));
    }
    expect(guarded.state.breaker).toBe('open');
  });

  test('an answer that its reader finds no good, while it comes and at its end', () => {
    for (let i = 0; i < 2; i++) {
      const { call } = begin();
      inner.calls.at(-1)?.listener.onHead(200, {});
      call.reject?.('upstream_invalid_response');
      expect(inner.calls.at(-1)?.cancelled).toBe(true);
    }
    const told = new RecordingListener();
    const call = guarded.start(requestTo('/x'), Object.assign(told, { onEnd: () => call.reject?.('upstream_failed') }));
    inner.answer(200);
    expect(guarded.state).toMatchObject({ breaker: 'open', served: 0, failed: 3, underWay: 0 });
  });

  test('no call whose caller went away', () => {
    for (let i = 0; i < 10; i++) begin().call.cancel();
    expect(guarded.state).toMatchObject({ breaker: 'closed', served: 0, failed: 0, underWay: 0 });
  });
});

describe('an upstream that asks for patience', () => {
  test.each([429, 503])('with %i gets it, and no failure is counted', async (status) => {
    answered(status, { 'retry-after': '5' });
    expect(guarded.state).toMatchObject({ breaker: 'closed', failed: 0, closedForMs: 5_000 });
    const { told } = begin();
    await turn();
    expect(told.errors[0]).toMatchObject({ code: 'upstream_unavailable', retryAfterMs: 5_000 });
    clock.advance(5_000);
    expect(guarded.closedForMs).toBe(0);
    expect(answered(200).ends).toBe(1);
  });

  test('for a day gets a minute', () => {
    answered(503, { 'retry-after': '86400' });
    expect(guarded.closedForMs).toBe(60_000);
  });

  test('with another status gets none', () => {
    answered(500, { 'retry-after': '5' });
    expect(guarded.closedForMs).toBe(0);
  });
});

describe('a half-open upstream', () => {
  beforeEach(() => {
    for (let i = 0; i < 3; i++) fail();
    clock.advance(1_000);
  });

  test('lets one call through, and all once its answer begins', async () => {
    begin('/trial');
    const { told } = begin('/second');
    await turn();
    expect(codes(told)).toEqual(['upstream_unavailable']);
    inner.calls.at(-1)?.listener.onHead(200, {});
    begin('/third');
    expect(inner.calls.at(-1)?.request.path).toBe('/third');
  });

  test('stays shut where the trial is answered with 500', () => {
    begin('/trial');
    inner.calls.at(-1)?.listener.onHead(500, {});
    expect(guarded.closedForMs).toBeGreaterThan(0);
    inner.calls.at(-1)?.listener.onEnd();
    expect(guarded.state).toMatchObject({ breaker: 'open', closedForMs: 2_000 });
  });
});

test('tells how long the first byte takes, lately', () => {
  expect(guarded.state.averageFirstByteMs).toBeNull();
  for (const firstByteMs of [100, 200]) {
    begin();
    clock.advance(firstByteMs);
    inner.answer(200);
  }
  expect(guarded.state.averageFirstByteMs).toBeCloseTo(110);
});
