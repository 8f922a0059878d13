import { apiError } from '@sotto/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { type GuardOptions, guardUpstream } from '../../src/upstreams/guard-upstream.ts';
import { ManualClock } from './manual-clock.ts';
import { RecordingListener, requestTo, ScriptedUpstream } from './scripted-upstream.ts';

const INTERVAL_MS = 1_000;
/** With chance 0 an interval is as short as it gets. */
const SHORTEST_MS = 800;
const OPTIONS: GuardOptions = {
  weight: 1,
  maxConcurrent: 2,
  queue: { max: 2, deadlineMs: 100 },
  breaker: { failures: 2, ratio: 1, window: 100, openMs: 60_000, maxOpenMs: 60_000 },
  probe: { path: '/health', intervalMs: INTERVAL_MS, timeoutMs: 200 },
  models: ['m'],
};

let clock: ManualClock;
let inner: ScriptedUpstream;
beforeEach(() => {
  clock = new ManualClock();
  inner = new ScriptedUpstream();
});

const guard = (more: Partial<GuardOptions> = {}) => guardUpstream(inner, { ...OPTIONS, ...more }, clock);

/** Lets promises settle that wait for one another. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Waits for the next probe, and has it end so. */
async function probed(end: () => void): Promise<void> {
  const before = inner.calls.length;
  clock.advance(INTERVAL_MS * 1.2);
  expect(inner.calls).toHaveLength(before + 1);
  end();
  await settle();
}

const refuse = (): void => inner.fail(apiError('upstream_unavailable', 'no'));

describe('an upstream', () => {
  test('is healthy until two probes in a row have failed, and again once one is answered', async () => {
    const { upstream } = guard();
    await probed(refuse);
    expect(upstream.healthy).toBe(true);
    await probed(() => inner.answer(503));
    expect(upstream.state).toMatchObject({ healthy: false, probeStatus: 503 });
    await probed(() => inner.answer(200));
    expect(upstream.state).toMatchObject({ healthy: true, probeStatus: 200 });
  });

  test('is not made unhealthy by probes that fail now and then', async () => {
    const { upstream } = guard();
    for (let i = 0; i < 3; i++) {
      await probed(refuse);
      await probed(() => inner.answer(200));
    }
    expect(upstream.healthy).toBe(true);
  });

  test.each([200, 401, 403, 404, 405, 429, 501])('that answers its probes with %i is there', async (status) => {
    const { upstream } = guard();
    for (let i = 0; i < 3; i++) await probed(() => inner.answer(status));
    expect(upstream.state).toMatchObject({ healthy: true, probeStatus: status });
  });

  test('that comes back has its breaker closed', async () => {
    const { upstream } = guard();
    for (let i = 0; i < 2; i++) {
      upstream.start(requestTo('/x'), new RecordingListener());
      refuse();
    }
    for (let i = 0; i < 2; i++) await probed(refuse);
    expect(upstream.state).toMatchObject({ healthy: false, breaker: 'open' });
    await probed(() => inner.answer(200));
    expect(upstream.state).toMatchObject({ healthy: true, breaker: 'closed', closedForMs: 0 });
  });

  test('that answers probes and fails at answering keeps its breaker open', async () => {
    const { upstream } = guard();
    for (let i = 0; i < 2; i++) {
      upstream.start(requestTo('/x'), new RecordingListener());
      inner.answer(500);
    }
    await probed(() => inner.answer(200));
    expect(upstream.state).toMatchObject({ healthy: true, breaker: 'open' });
  });
});

describe('a probe', () => {
  test('goes to its path, past the line, and is no call that is counted', async () => {
    const { upstream } = guard();
    await probed(() => {
      expect(inner.calls.at(-1)?.request).toMatchObject({ method: 'GET', path: '/health', body: null });
      expect(upstream.state).toMatchObject({ underWay: 0 });
      inner.answer(500);
    });
    expect(upstream.state).toMatchObject({ served: 0, failed: 0, breaker: 'closed' });
  });

  test('waits for an answer before the next one goes', () => {
    guard();
    clock.advance(20 * INTERVAL_MS);
    expect(inner.calls).toHaveLength(1);
  });

  test('is left out while every place is taken', async () => {
    const { upstream } = guard();
    const told = [new RecordingListener(), new RecordingListener()];
    for (const each of told) upstream.start(requestTo('/x'), each);
    clock.advance(INTERVAL_MS);
    await settle();
    expect(inner.calls).toHaveLength(2);
    inner.answer(200);
    await probed(() => inner.answer(200));
    expect(upstream.healthy).toBe(true);
  });

  test('comes a fifth sooner or later, at random', () => {
    guard();
    clock.advance(SHORTEST_MS - 1);
    expect(inner.calls).toHaveLength(0);
    clock.advance(1);
    expect(inner.calls).toHaveLength(1);
    clock.chance = 0.999_999;
    guard();
    clock.advance(1_199);
    expect(inner.calls).toHaveLength(1);
    clock.advance(1);
    expect(inner.calls).toHaveLength(2);
  });

  test('does not come after the upstream was closed, and is not counted if it was under way', async () => {
    const { upstream } = guard();
    clock.advance(INTERVAL_MS);
    await upstream.close();
    inner.answer(500);
    await settle();
    expect(upstream.state.probeStatus).toBeNull();
    clock.advance(20 * INTERVAL_MS);
    expect(inner.calls).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  test('does not come where there is to be none', () => {
    guard({ probe: false });
    clock.advance(20 * INTERVAL_MS);
    expect(inner.calls).toHaveLength(0);
    expect(clock.pending).toBe(0);
  });
});

describe('where models are discovered', () => {
  const list = (...ids: readonly string[]): string => JSON.stringify({ data: ids.map((id) => ({ id })) });
  const discovering = { models: undefined, probe: { path: '/models', intervalMs: INTERVAL_MS, timeoutMs: 200 } };
  const listed = ({ models }: ReturnType<typeof guard>) => ('models' in models ? models.models : models);

  test('the probe’s answer is the list', async () => {
    const entry = guard(discovering);
    await probed(() => inner.answer(200, {}, list('a', 'b')));
    expect(listed(entry)).toEqual(['a', 'b']);
  });

  test('a question while the probe is under way is not asked twice', async () => {
    const entry = guard(discovering);
    clock.advance(INTERVAL_MS);
    const asked = 'ask' in entry.models ? entry.models.ask() : null;
    expect(inner.calls).toHaveLength(1);
    inner.answer(200, {}, list('a'));
    expect(await asked).toMatchObject({ status: 200 });
  });

  test.each([
    ['a failure', 500, list('x')],
    ['no JSON', 200, 'oops'],
    ['another shape', 200, '{"data":[{"name":"x"}]}'],
  ])('%s leaves the last list', async (_what, status, text) => {
    const entry = guard(discovering);
    await probed(() => inner.answer(200, {}, list('a')));
    await probed(() => inner.answer(status, {}, text));
    expect(listed(entry)).toEqual(['a']);
  });
});
