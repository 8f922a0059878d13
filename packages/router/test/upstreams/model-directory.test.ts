import { apiError, type SecurityTier } from '@sotto/protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { fitForTier } from '../../src/upstreams/candidates.ts';
import { GuardedUpstream } from '../../src/upstreams/guarded-upstream.ts';
import { type Aliases, ModelDirectory } from '../../src/upstreams/model-directory.ts';
import { UpstreamHealth } from '../../src/upstreams/upstream-health.ts';
import { ManualClock } from './manual-clock.ts';
import { RecordingListener, requestTo, ScriptedUpstream } from './scripted-upstream.ts';

const BREAKER = { failures: 1, ratio: 1, window: 100, openMs: 1_000, maxOpenMs: 1_000 };

let clock: ManualClock;
beforeEach(() => {
  clock = new ManualClock();
});

interface Server {
  readonly inner: ScriptedUpstream;
  readonly health: UpstreamHealth;
  readonly upstream: GuardedUpstream;
  readonly models: readonly string[];
}

interface ServerOptions {
  readonly weight: number;
  readonly maxConcurrent: number;
  readonly models: readonly string[];
  readonly tier: SecurityTier;
}

function server(name: string, more: Partial<ServerOptions> = {}): Server {
  const inner = new ScriptedUpstream(name, more.tier);
  const health = new UpstreamHealth(BREAKER, clock);
  const upstream = new GuardedUpstream({
    upstream: inner,
    weight: more.weight ?? 1,
    maxConcurrent: more.maxConcurrent ?? 100,
    queue: { max: 10, deadlineMs: 100 },
    health,
    probe: null,
    clock,
  });
  return { inner, health, upstream, models: more.models ?? ['m'] };
}

function busy({ upstream }: Server, calls: number): void {
  for (let i = 0; i < calls; i++) upstream.start(requestTo('/x'), new RecordingListener());
}

function broken({ upstream, inner }: Server): void {
  upstream.start(requestTo('/x'), new RecordingListener());
  inner.fail(apiError('upstream_failed', 'no'));
}

const directory = (servers: readonly Server[], aliases: Aliases = {}) => new ModelDirectory(servers, () => aliases);

async function order(servers: readonly Server[], model = 'm', aliases: Aliases = {}): Promise<string[]> {
  const found = await directory(servers, aliases).candidates(model, () => true);
  return found.map(({ upstream, model: name }) => `${upstream.name} ${name}`);
}

describe('the order to try is', () => {
  test('the configuration’s among equals', async () => {
    expect(await order([server('a'), server('b'), server('c')])).toEqual(['a m', 'b m', 'c m']);
  });

  test('the least loaded for its weight first', async () => {
    const [light, heavy] = [server('light'), server('heavy', { weight: 3 })];
    expect(await order([light, heavy])).toEqual(['heavy m', 'light m']);
    busy(heavy, 3);
    expect(await order([light, heavy])).toEqual(['light m', 'heavy m']);
    busy(light, 1);
    expect(await order([light, heavy])).toEqual(['heavy m', 'light m']);
  });

  test('those with a free place before those where a call would wait', async () => {
    const [small, large] = [server('small', { maxConcurrent: 1 }), server('large')];
    busy(small, 1);
    busy(large, 10);
    expect(await order([small, large])).toEqual(['large m', 'small m']);
  });

  test('the healthy before the unhealthy, however busy', async () => {
    const [sick, well] = [server('sick'), server('well', { maxConcurrent: 1 })];
    sick.health.setHealthy(false);
    busy(well, 5);
    expect(await order([sick, well])).toEqual(['well m', 'sick m']);
  });

  test('an alias’s own before everything else', async () => {
    const [first, second] = [server('first', { models: ['x'] }), server('second', { models: ['y'] })];
    first.health.setHealthy(false);
    busy(first, 5);
    expect(await order([first, second], 'either', { either: ['x', 'y'] })).toEqual(['first x', 'second y']);
  });

  test('of the aliases there are now', async () => {
    let aliases: Aliases = {};
    const models = new ModelDirectory([server('a')], () => aliases);
    await expect(models.candidates('later', () => true)).rejects.toMatchObject({ code: 'model_not_found' });
    aliases = { later: ['m'] };
    expect(await models.candidates('later', () => true)).toHaveLength(1);
    expect(await models.list()).toContainEqual({ id: 'later', ownedBy: 'alias' });
  });
});

test('calls are spread by weight', async () => {
  const [one, three] = [server('one'), server('three', { weight: 3 })];
  for (let i = 0; i < 40; i++) {
    const [first] = await directory([one, three]).candidates('m', () => true);
    first?.upstream.start(requestTo('/x'), new RecordingListener());
  }
  expect([one.upstream.state.underWay, three.upstream.state.underWay]).toEqual([10, 30]);
});

describe('an upstream that takes no calls', () => {
  test('is left out', async () => {
    const [bad, good] = [server('bad'), server('good')];
    broken(bad);
    const candidates = await directory([bad, good]).candidates('m', () => true);
    expect(fitForTier(candidates, 'standard').map(({ upstream }) => upstream.name)).toEqual(['good']);
  });

  test('and is the only one has the caller told when to come back', async () => {
    const [bad, worse] = [server('bad'), server('worse')];
    broken(worse);
    clock.advance(400);
    broken(bad);
    const candidates = await directory([bad, worse]).candidates('m', () => true);
    expect(() => fitForTier(candidates, 'standard')).toThrow(
      expect.objectContaining({ code: 'upstream_unavailable', status: 503, retryAfterMs: 600 }) as Error,
    );
  });

  test('is tried again after its time', async () => {
    const bad = server('bad');
    broken(bad);
    clock.advance(1_000);
    const candidates = await directory([bad]).candidates('m', () => true);
    expect(fitForTier(candidates, 'standard')).toHaveLength(1);
  });

  test('is never replaced by one of a quieter tier, nor is its tier then said not to be offered', async () => {
    const [high, quiet] = [server('high', { tier: 'high' }), server('quiet')];
    broken(high);
    const candidates = await directory([high, quiet]).candidates('m', () => true);
    expect(() => fitForTier(candidates, 'high')).toThrow(
      expect.objectContaining({ code: 'upstream_unavailable', retryAfterMs: 1_000 }) as Error,
    );
    expect(() => fitForTier(candidates, 'maximum')).toThrow(
      expect.objectContaining({ code: 'tier_not_available' }) as Error,
    );
  });
});

test('the directory is ready while one upstream is healthy and takes calls', () => {
  const [a, b] = [server('a'), server('b')];
  const models = directory([a, b]);
  expect(models.isReady()).toBe(true);
  broken(a);
  expect(models.isReady()).toBe(true);
  b.health.setHealthy(false);
  expect(models.isReady()).toBe(false);
  expect(models.states()).toMatchObject([
    {
      name: 'a',
      tier: 'standard',
      class: 'loopback',
      healthy: true,
      breaker: 'open',
      lastFailureCode: 'upstream_failed',
    },
    { name: 'b', healthy: false, breaker: 'closed', lastFailureCode: null },
  ]);
});
