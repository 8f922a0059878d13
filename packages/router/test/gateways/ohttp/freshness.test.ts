import { OHTTP_DATE_PROBLEM_TYPE } from '@sotto/protocol/ohttp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { nextSeed } from '../../../src/hpke-keys/key-generation.ts';
import type { ReplayMemory } from '../../../src/replay/replay-memory.ts';
import { ReplayWindow } from '../../../src/replay/replay-window.ts';
import { testRouter } from '../../running-router.ts';
import { type StandInUpstream, startStandIn } from '../../stand-in-upstream.ts';
import {
  chatInput,
  codeOf,
  type InnerAnswer,
  type InnerInput,
  open,
  openWhole,
  outerRequest,
  outerWholeRequest,
  recipientOf,
  seal,
  sealWhole,
} from './sealing-client.ts';

const WINDOW_MS = 60_000;
let upstream: StandInUpstream;

beforeAll(async () => {
  upstream = await startStandIn();
});
afterAll(() => upstream.close());
beforeEach(() => {
  // Only the clock: timers go on, or no request would.
  vi.useFakeTimers({ toFake: ['Date'], now: 1_800_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

const PERIODS = { rotationMs: 86_400_000, overlapMs: 3_600_000 };
/** A seed, for routers that share their keys. */
const shared = () => ({ live: [nextSeed(null, PERIODS, Date.now())], subscribe: () => {} });

function start(options: { replays?: ReplayMemory; keySeeds?: ReturnType<typeof shared> } = {}) {
  const config = {
    protocols: ['ohttp' as const],
    upstreams: [{ name: 'u', baseUrl: upstream.baseUrl, models: ['m'] }],
    limits: { replayWindowSeconds: WINDOW_MS / 1_000 },
  };
  return testRouter(config, options);
}

async function send(router: Awaited<ReturnType<typeof start>>, input: InnerInput): Promise<InnerAnswer> {
  const sealed = await seal(await recipientOf(router.fetch), input);
  return open(sealed, await router.fetch(outerRequest(sealed.body)));
}

function expectDateProblem(answer: InnerAnswer): void {
  expect(answer.status).toBe(400);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  // RFC 9458 §6.5.1: by it the client can tell how far its clock is off.
  expect(answer.headers['date']).toBe(new Date().toUTCString());
  expect(JSON.parse(answer.text)).toMatchObject({
    type: OHTTP_DATE_PROBLEM_TYPE,
    status: 400,
    error: { code: 'replayed_request', type: 'invalid_request_error' },
  });
}

describe('a request is fresh', () => {
  const at = (offsetMs: number): string => new Date(Date.now() + offsetMs).toUTCString();

  test.each([
    ['without a date', () => null, false],
    ['with a date nobody can read', () => 'soon', false],
    ['with an empty date', () => '', false],
    ['a window ago', () => at(-WINDOW_MS), true],
    ['a second longer ago', () => at(-WINDOW_MS - 1_000), false],
    ['a window ahead', () => at(WINDOW_MS), true],
    ['a second further ahead', () => at(WINDOW_MS + 1_000), false],
    ['a day off', () => at(-86_400_000), false],
    ['at the beginning of time', () => new Date(0).toUTCString(), false],
  ])('%s: %s', async (_when, date, fresh) => {
    const router = await start();
    const asked = upstream.seen.length;
    const answer = await send(router, { ...chatInput(), date: date() });
    if (fresh) expect(answer.status).toBe(200);
    else expectDateProblem(answer);
    expect(upstream.seen.length - asked).toBe(fresh ? 1 : 0);
  });

  test('by the same measure when it comes whole', async () => {
    const router = await start();
    const sealed = await sealWhole(await recipientOf(router.fetch), { ...chatInput(), date: at(-WINDOW_MS - 1_000) });
    expectDateProblem(await openWhole(sealed, await router.fetch(outerWholeRequest(sealed.body))));
  });
});

describe('a request is answered once', () => {
  test('in chunks, however often it comes, and at the same moment too', async () => {
    const router = await start();
    const sealed = await seal(await recipientOf(router.fetch), chatInput());
    const asked = upstream.seen.length;
    const answers = await Promise.all(
      Array.from({ length: 5 }, async () => open(sealed, await router.fetch(outerRequest(sealed.body)))),
    );
    const refused = answers.filter(({ status }) => status !== 200);
    expect(refused).toHaveLength(4);
    for (const answer of refused) expectDateProblem(answer);
    expect(upstream.seen.length - asked).toBe(1);
  });

  test('whole', async () => {
    const router = await start();
    const sealed = await sealWhole(await recipientOf(router.fetch), chatInput());
    expect((await openWhole(sealed, await router.fetch(outerWholeRequest(sealed.body)))).status).toBe(200);
    expectDateProblem(await openWhole(sealed, await router.fetch(outerWholeRequest(sealed.body))));
  });

  test('with its chunks cut anew: what counts is what it was sealed with', async () => {
    const router = await start();
    const sealed = await seal(await recipientOf(router.fetch), chatInput());
    await open(sealed, await router.fetch(outerRequest(sealed.body)));
    // The length of the first chunk, of two bytes, in eight.
    const length = Buffer.from(sealed.body).readUInt16BE(39) & 0x3fff;
    const eight = Buffer.alloc(8);
    eight.writeBigUInt64BE(BigInt(length));
    eight[0] = 0xc0;
    const cut = Buffer.concat([sealed.body.subarray(0, 39), eight, sealed.body.subarray(41)]);
    expectDateProblem(await open(sealed, await router.fetch(outerRequest(cut))));
  });

  test('by all routers that share keys and memory', async () => {
    const keySeeds = shared();
    const replays = new ReplayWindow(WINDOW_MS, 100);
    const [one, other] = [await start({ keySeeds, replays }), await start({ keySeeds, replays })];
    const sealed = await seal(await recipientOf(one.fetch), chatInput());
    expect((await open(sealed, await one.fetch(outerRequest(sealed.body)))).status).toBe(200);
    expectDateProblem(await open(sealed, await other.fetch(outerRequest(sealed.body))));
  });

  test('for as long as its date is good, though that be two windows', async () => {
    const router = await start();
    const sealed = await seal(await recipientOf(router.fetch), {
      ...chatInput(),
      date: new Date(Date.now() + WINDOW_MS).toUTCString(),
    });
    expect((await open(sealed, await router.fetch(outerRequest(sealed.body)))).status).toBe(200);
    vi.setSystemTime(Date.now() + 2 * WINDOW_MS);
    expectDateProblem(await open(sealed, await router.fetch(outerRequest(sealed.body))));
  });
});

describe('a memory', () => {
  test('that is full refuses what it cannot remember, inside, and forgets nothing for it', async () => {
    const router = await start({ replays: new ReplayWindow(WINDOW_MS, 1) });
    const recipient = await recipientOf(router.fetch);
    const [first, second] = [await seal(recipient, chatInput()), await seal(recipient, chatInput())];
    const asked = upstream.seen.length;
    expect((await open(first, await router.fetch(outerRequest(first.body)))).status).toBe(200);
    const refused = await open(second, await router.fetch(outerRequest(second.body)));
    expect([refused.status, codeOf(refused), refused.headers['retry-after']]).toEqual([503, 'overloaded', '10']);
    expectDateProblem(await open(first, await router.fetch(outerRequest(first.body))));
    expect(upstream.seen.length - asked).toBe(1);
  });

  test('that breaks lets nothing through, and its operator is told', async () => {
    const broken: ReplayMemory = {
      has: () => false,
      add: () => Promise.reject(new TypeError('the channel is closed')),
      forget: () => {},
    };
    const internalErrors: unknown[] = [];
    const config = {
      protocols: ['ohttp' as const],
      upstreams: [{ name: 'u', baseUrl: upstream.baseUrl, models: ['m'] }],
    };
    const router = await testRouter(config, {
      replays: broken,
      onInternalError: (_id, error) => internalErrors.push(error),
    });
    const asked = upstream.seen.length;
    const answer = await send(router, chatInput());
    expect([answer.status, codeOf(answer)]).toEqual([500, 'internal_error']);
    expect(answer.text).not.toContain('channel');
    expect(upstream.seen.length).toBe(asked);
    expect(internalErrors).toHaveLength(1);
  });

  test('holds nothing of requests that were not opened', async () => {
    const router = await start({ replays: new ReplayWindow(WINDOW_MS, 1) });
    const recipient = await recipientOf(router.fetch);
    const sealed = await seal(recipient, chatInput());
    for (let count = 0; count < 3; count++) {
      const forged = Buffer.from((await seal(recipient, chatInput())).body);
      forged[60] = (forged[60] ?? 0) ^ 1;
      expect((await router.fetch(outerRequest(forged))).status).toBe(400);
    }
    expect((await open(sealed, await router.fetch(outerRequest(sealed.body)))).status).toBe(200);
  });
});
