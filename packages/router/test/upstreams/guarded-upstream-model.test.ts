import { apiError } from '@sotto/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { GuardedUpstream } from '../../src/upstreams/guarded-upstream.ts';
import type { UpstreamCall } from '../../src/upstreams/upstream.ts';
import { UpstreamHealth } from '../../src/upstreams/upstream-health.ts';
import { ManualClock } from './manual-clock.ts';
import { RecordingListener, requestTo, ScriptedUpstream } from './scripted-upstream.ts';

const MAX_CONCURRENT = 3;
const MAX_WAITING = 4;
const DEADLINE_MS = 50;

const step = fc.record({
  what: fc.constantFrom('start', 'start', 'end', 'error', 'cancel', 'reject', 'wait'),
  which: fc.nat(100),
});

/** What a guarded upstream must do, in the fewest words. */
class Model {
  readonly begun: string[] = [];
  readonly underWay: string[] = [];
  readonly waiting: { readonly path: string; readonly deadlineMs: number }[] = [];
  readonly refused: string[] = [];

  start(path: string, nowMs: number): void {
    if (this.underWay.length < MAX_CONCURRENT) this.#begin(path);
    else if (this.waiting.length < MAX_WAITING) this.waiting.push({ path, deadlineMs: nowMs + DEADLINE_MS });
    else this.refused.push(path);
  }

  over(path: string): void {
    const at = this.waiting.findIndex((waiter) => waiter.path === path);
    if (at >= 0) this.waiting.splice(at, 1);
    if (!this.underWay.includes(path)) return;
    this.underWay.splice(this.underWay.indexOf(path), 1);
    const next = this.waiting.shift();
    if (next !== undefined) this.#begin(next.path);
  }

  expire(nowMs: number): void {
    while (this.waiting[0] !== undefined && this.waiting[0].deadlineMs <= nowMs) {
      this.refused.push(this.waiting.shift()?.path ?? '');
    }
  }

  #begin(path: string): void {
    this.begun.push(path);
    this.underWay.push(path);
  }
}

test('never more than the cap under way, in the order they came, and nothing left when all is over', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
      const clock = new ManualClock();
      const inner = new ScriptedUpstream();
      const guarded = new GuardedUpstream({
        upstream: inner,
        weight: 1,
        maxConcurrent: MAX_CONCURRENT,
        queue: { max: MAX_WAITING, deadlineMs: DEADLINE_MS },
        health: new UpstreamHealth(null, clock),
        probe: null,
        clock,
      });
      const model = new Model();
      const calls = new Map<string, UpstreamCall>();
      const told = new Map<string, RecordingListener>();
      const pick = (paths: readonly string[], which: number): string => paths[which % Math.max(paths.length, 1)] ?? '';
      const listenerAt = (path: string) => inner.calls.find(({ request }) => request.path === path)?.listener;

      const take = async (what: (typeof steps)[number]['what'], which: number): Promise<void> => {
        if (what === 'start') {
          const path = `/${calls.size}`;
          const listener = new RecordingListener();
          told.set(path, listener);
          calls.set(path, guarded.start(requestTo(path), listener));
          model.start(path, clock.nowMs());
        } else if (what === 'wait') {
          clock.advance(which % 60);
          model.expire(clock.nowMs());
        } else if (what === 'cancel') {
          const path = pick([...calls.keys()], which);
          calls.get(path)?.cancel();
          model.over(path);
        } else {
          const path = pick(model.underWay, which);
          if (what === 'end') listenerAt(path)?.onEnd();
          else if (what === 'error') listenerAt(path)?.onError(apiError('upstream_failed', 'no'));
          else calls.get(path)?.reject?.('upstream_invalid_response');
          model.over(path);
        }
        await Promise.resolve();
        const began = inner.calls.map(({ request }) => request.path);
        expect(began).toEqual(model.begun);
        expect(guarded.state).toMatchObject({ underWay: model.underWay.length, waiting: model.waiting.length });
        expect(guarded.state.underWay).toBeLessThanOrEqual(MAX_CONCURRENT);
        for (const path of model.refused) {
          expect(told.get(path)?.errors.map(({ code }) => code)).toEqual(['overloaded']);
          expect(began).not.toContain(path);
        }
      };

      for (const { what, which } of steps) await take(what, which);
      while (model.underWay.length > 0) await take('end', 0);
      expect(guarded.state).toMatchObject({ underWay: 0, waiting: 0 });
      expect(clock.pending).toBe(0);
      for (const listener of told.values()) expect(listener.ends + listener.errors.length).toBeLessThanOrEqual(1);
    }),
  );
});
