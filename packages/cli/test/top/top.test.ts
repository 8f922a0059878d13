import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { topCommand } from '../../src/commands/top.ts';
import { activityBetween } from '../../src/top/activity.ts';
import type { Live } from '../../src/top/live.ts';
import { COLOURS, drawActivity, NO_COLOURS } from '../../src/top/screen.ts';
import { surroundings } from '../fake-terminal.ts';

const BOUNDS = [0.01, 0.1, 1];
const NOTHING: Live = {
  atMs: 1_000_000,
  startedAtMs: 400_000,
  workers: 2,
  requests: { underWay: 0, limit: 100, byDoor: {}, byCode: {}, byTier: {}, failed: 0 },
  tokens: { prompt: 0, completion: 0 },
  latency: { boundsSeconds: [], counts: [] },
  firstToken: { boundsSeconds: [], counts: [] },
  upstreams: [],
};
const UPSTREAM = {
  name: 'near',
  tier: 'high',
  class: 'loopback',
  healthy: true,
  breaker: 'closed',
  underWay: 2,
  waiting: 0,
  served: 30,
  failed: 10,
};
const LATER: Live = {
  ...NOTHING,
  atMs: 1_002_000,
  requests: {
    underWay: 3,
    limit: 100,
    byDoor: { ohttp: 30, clear: 10 },
    byCode: { upstream_failed: 10 },
    byTier: { high: 40 },
    failed: 10,
  },
  tokens: { prompt: 200, completion: 1_000 },
  latency: { boundsSeconds: BOUNDS, counts: [0, 40, 0, 0] },
  firstToken: { boundsSeconds: BOUNDS, counts: [10, 0, 0, 10] },
  upstreams: [UPSTREAM],
};

describe('what happened between two looks', () => {
  test('is told by the second', () => {
    expect(activityBetween(NOTHING, LATER)).toMatchObject({
      requestsPerSecond: 20,
      promptTokensPerSecond: 100,
      completionTokensPerSecond: 500,
      errorShare: 0.25,
      underWay: 3,
      uptimeSeconds: 602,
      byDoor: { ohttp: 30, clear: 10 },
      byTier: { high: 40 },
      byCode: { upstream_failed: 10 },
      upstreams: [{ name: 'near', servedPerSecond: 15, failedPerSecond: 5 }],
    });
  });

  test('has percentiles within their buckets, and the last bound for what is beyond it', () => {
    const { latencyMs, firstTokenMs } = activityBetween(NOTHING, LATER);
    expect(latencyMs.p50).toBeCloseTo(55);
    expect(latencyMs.p99).toBeCloseTo(99.1);
    expect(firstTokenMs).toEqual({ p50: 10, p99: 1_000 });
  });

  test('is nothing where nothing happened', () => {
    const idle = activityBetween(LATER, { ...LATER, atMs: LATER.atMs + 1_000 });
    expect(idle).toMatchObject({
      requestsPerSecond: 0,
      errorShare: null,
      byDoor: {},
      latencyMs: { p50: null, p99: null },
    });
  });

  test('is all that a router counts which has started anew', () => {
    const fresh = {
      ...LATER,
      requests: { ...LATER.requests, byDoor: { clear: 4 }, failed: 1 },
      startedAtMs: 1_001_500,
    };
    const activity = activityBetween(LATER, { ...fresh, atMs: LATER.atMs + 1_000 });
    expect(activity).toMatchObject({ requestsPerSecond: 4, errorShare: 0.25, byDoor: { clear: 4 } });
  });
});

describe('the screen', () => {
  const activity = activityBetween(NOTHING, {
    ...LATER,
    upstreams: [UPSTREAM, { ...UPSTREAM, name: 'far', healthy: false }],
  });

  test('has no colours where none are wanted', () => {
    const text = drawActivity('http://router', activity, NO_COLOURS).join('\n');
    expect(text).not.toContain('\u001b');
    expect(text).toMatch(/requests +20\.0\/s +3 of 100 under way/);
    expect(text).toMatch(/near +high +loopback +up +2/);
    expect(text).toMatch(/far +high +loopback +down/);
  });

  test('paints what is wrong', () => {
    const lines = drawActivity('http://router', activity, COLOURS);
    expect(lines.find((line) => line.includes('far'))?.startsWith('\u001b[31m')).toBe(true);
    expect(lines.find((line) => line.includes('near'))).not.toContain('\u001b');
  });
});

describe('sotto top', () => {
  let server: Server | null = null;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  /** A stand-in for a router: gives these answers, one after the other. */
  async function answering(...answers: readonly [status: number, body: unknown][]): Promise<string> {
    let asked = 0;
    server = createServer((request, response) => {
      const [status, body] = answers[Math.min(asked++, answers.length - 1)] ?? [500, {}];
      const isGood = request.headers.authorization === 'Bearer sesame' && request.url === '/admin/v1/live';
      response.writeHead(isGood ? status : 401, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    });
    const listening = server;
    await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  }
  const KEY = { SOTTO_ADMIN_KEY: 'sesame' };
  const live = (view: Live) => ({ object: 'live', ...view });

  test('prints once where no terminal is', async () => {
    const url = await answering([200, live(NOTHING)], [200, live(LATER)]);
    const { context, printed } = surroundings(KEY);
    expect(await topCommand.run(['--router', `${url}/v1`], context)).toBe(0);
    expect(printed).toHaveLength(1);
    expect(printed[0]).toContain('near');
  });

  test('prints one object a line until it is ended', async () => {
    const url = await answering([200, live(NOTHING)], [200, live(LATER)]);
    const { context, printed, interrupt } = surroundings(KEY);
    const print = (text: string): void => {
      context.terminal.print(text);
      interrupt();
    };
    const terminal = { ...context.terminal, print };
    expect(await topCommand.run(['--router', url, '--json'], { ...context, terminal })).toBe(0);
    expect(JSON.parse(printed[0] ?? '')).toMatchObject({ requestsPerSecond: 20 });
    expect(printed).toHaveLength(1);
  });

  test('does not let a router write to the terminal', async () => {
    const evil = { ...LATER, upstreams: [{ ...UPSTREAM, name: '\u001b]0;pwned\u0007' }] };
    const url = await answering([200, live(evil)]);
    const { context, printed } = surroundings(KEY);
    await topCommand.run(['--router', url, '--once'], context);
    expect(printed[0]).toContain('pwned');
    for (const control of ['\u001b', '\u0007']) expect(printed[0]).not.toContain(control);
  });

  test.each([
    ['another answer', [200, { object: 'list' }], 'no router that tells'],
    ['a count that is none', [200, { ...live(LATER), workers: 'two' }], 'no router that tells'],
    ['a refusal', [401, { error: { code: 'invalid_api_key', message: 'this is not the admin key' } }], 'admin key'],
  ] as const)('says what is wrong with %s', async (_what, answer, words) => {
    const url = await answering([...answer]);
    await expect(topCommand.run(['--router', url, '--once'], surroundings(KEY).context)).rejects.toThrow(words);
  });

  test.each([
    [[], KEY, 'give --router'],
    [['--router', 'nonsense'], KEY, 'takes a URL'],
    [['--router', 'http://router.example'], KEY, '--allow-http'],
    [['--router', 'http://127.0.0.1:9'], {}, 'SOTTO_ADMIN_KEY is not set'],
    [['--router', 'http://127.0.0.1:9', '--once'], KEY, 'cannot be reached'],
    [['--router', 'http://127.0.0.1:9', '--interval', '0'], KEY, '--interval takes'],
    [['extra'], KEY, 'takes no argument extra'],
  ])('%j is called wrongly', async (args, environment, words) => {
    await expect(topCommand.run(args, surroundings(environment).context)).rejects.toThrow(words);
  });
});
