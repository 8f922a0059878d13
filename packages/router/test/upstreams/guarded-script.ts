import { type APIErrorCode, apiError } from '@sotto/protocol';
import { GuardedUpstream } from '../../src/upstreams/guarded-upstream.ts';
import type { UpstreamCall } from '../../src/upstreams/upstream.ts';
import { UpstreamHealth } from '../../src/upstreams/upstream-health.ts';
import { ManualClock } from './manual-clock.ts';
import { RecordingListener, requestTo, ScriptedUpstream } from './scripted-upstream.ts';

const BREAKER = { failures: 3, ratio: 1, window: 100, openMs: 1_000, maxOpenMs: 8_000 };

/** A guarded upstream with two places and two to wait, whose calls a test answers by hand. */
export interface GuardedScript {
  readonly clock: ManualClock;
  readonly inner: ScriptedUpstream;
  readonly guarded: GuardedUpstream;
  begin(path?: string): { readonly call: UpstreamCall; readonly told: RecordingListener };
  /** One call from beginning to end. */
  answered(status: number, headers?: Readonly<Record<string, string>>): RecordingListener;
  /** One call that breaks. */
  fail(code?: APIErrorCode): RecordingListener;
}

/** Makes one. */
export function guardedScript(weight = 1): GuardedScript {
  const clock = new ManualClock();
  const inner = new ScriptedUpstream();
  const guarded = new GuardedUpstream({
    upstream: inner,
    weight,
    maxConcurrent: 2,
    queue: { max: 2, deadlineMs: 100 },
    health: new UpstreamHealth(BREAKER, clock),
    probe: null,
    clock,
  });
  const begin: GuardedScript['begin'] = (path = '/x') => {
    const told = new RecordingListener();
    return { call: guarded.start(requestTo(path), told), told };
  };
  return {
    clock,
    inner,
    guarded,
    begin,
    answered: (status, headers = {}) => {
      const { told } = begin();
      inner.answer(status, headers);
      return told;
    },
    fail: (code = 'upstream_failed') => {
      const { told } = begin();
      inner.fail(apiError(code, 'no'));
      return told;
    },
  };
}
