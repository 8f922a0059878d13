import type { ServerResponse } from 'node:http';
import { describe, expect, onTestFinished, test } from 'vitest';
import { eventually } from '../eventually.ts';
import { type Answer, errorOf, sendJson } from '../http-client.ts';
import { refusingBaseUrl } from '../raw-upstream.ts';
import { chat, startRouter, testRouter } from '../running-router.ts';
import { completion, json, type StandInUpstream, startStandIn } from '../stand-in-upstream.ts';

const ask = (url: string): Promise<Answer> => sendJson(`${url}/v1/chat/completions`, chat('x'));

async function standIn(): Promise<StandInUpstream> {
  const upstream = await startStandIn();
  onTestFinished(() => upstream.close());
  return upstream;
}

/** Has a stand-in hold its answers back. */
function holding(upstream: StandInUpstream): { readonly held: readonly ServerResponse[]; release(): void } {
  const held: ServerResponse[] = [];
  const text = JSON.stringify(completion('held'));
  upstream.behave((_request, response) => void held.push(response));
  return {
    held,
    release: () => {
      for (const response of held.splice(0)) response.writeHead(200, { 'content-type': 'application/json' }).end(text);
    },
  };
}

const PATIENT = { probe: false, queue: { deadlineMs: 60_000 } } as const;

describe('a server that dies', () => {
  test('is left alone after its failures, and asked again when it is back', async () => {
    const [first, second] = [await standIn(), await standIn()];
    second.behave(json(completion('from the second')));
    first.behave((_request, response) => void response.destroy());
    const { url } = await startRouter({
      upstreams: [
        {
          name: 'first',
          baseUrl: first.baseUrl,
          models: ['m'],
          breaker: { failures: 2, openMs: 300 },
          probe: false,
        },
        { name: 'second', baseUrl: second.baseUrl, models: ['m'], probe: false },
      ],
    });
    for (let i = 0; i < 6; i++) expect((await ask(url)).text).toContain('from the second');
    expect(first.seen).toHaveLength(2);
    first.behave(json(completion('from the first')));
    await eventually('the first is asked again', async () => (await ask(url)).text.includes('from the first'));
    for (let i = 0; i < 3; i++) expect((await ask(url)).text).toContain('from the first');
  });

  test('comes back by its probe long before its breaker’s time', async () => {
    const upstream = await standIn();
    upstream.behave((_request, response) => void response.destroy());
    const { url } = await startRouter({
      upstreams: [
        {
          name: 'only',
          baseUrl: upstream.baseUrl,
          models: ['m'],
          breaker: { failures: 1, openMs: 3_600_000, maxOpenMs: 3_600_000 },
          probe: { path: '/health', intervalMs: 100, timeoutMs: 1_000 },
        },
      ],
    });
    expect((await ask(url)).status).toBe(502);
    const probes = (): number => upstream.seen.filter(({ path }) => path === '/v1/health').length;
    await eventually('two probes have failed', () => probes() >= 2);
    expect((await ask(url)).status).toBe(503);
    upstream.behave(json(completion('back')));
    await eventually('it is asked again', async () => (await ask(url)).status === 200);
  });

  test('and is the only one has the caller told when to come back, and is not asked', async () => {
    const { url } = await startRouter({
      upstreams: [{ name: 'gone', baseUrl: await refusingBaseUrl(), models: ['m'], breaker: { failures: 1 } }],
    });
    expect((await ask(url)).status).toBe(503);
    const answer = await ask(url);
    expect(errorOf(answer).code).toBe('upstream_unavailable');
    expect(Number(answer.headers['retry-after'])).toBeGreaterThanOrEqual(9);
    expect(Number(answer.headers['retry-after'])).toBeLessThanOrEqual(12);
  });

  test('by asking for patience is left alone for as long', async () => {
    const [first, second] = [await standIn(), await standIn()];
    first.behave(json({}, 429, { 'retry-after': '30' }));
    const { url } = await startRouter({
      upstreams: [first, second].map(({ baseUrl }, index) => ({ name: `up${index}`, baseUrl, models: ['m'] })),
    });
    for (let i = 0; i < 3; i++) expect((await ask(url)).status).toBe(200);
    expect(first.seen).toHaveLength(1);
  });
});

describe('a server with a cap', () => {
  test('never has more requests or sockets at once, and all of 200 are answered', async () => {
    const upstream = await standIn();
    const { held, release } = holding(upstream);
    const { url } = await startRouter({
      upstreams: [{ name: 'only', baseUrl: upstream.baseUrl, models: ['m'], maxConcurrent: 8, ...PATIENT }],
    });
    const answers = Promise.all(Array.from({ length: 200 }, () => ask(url)));
    let most = 0;
    let mostSockets = 0;
    for (let answered = 0; answered < 200; answered += 8) {
      await eventually('every place is taken', () => held.length >= 8);
      mostSockets = Math.max(mostSockets, await upstream.openConnections());
      most = Math.max(most, held.length);
      release();
    }
    for (const { status } of await answers) expect(status).toBe(200);
    expect([most, mostSockets]).toEqual([8, 8]);
  });

  test('has the one that waited too long told to come back', async () => {
    const upstream = await standIn();
    const { held, release } = holding(upstream);
    const { url } = await startRouter({
      upstreams: [
        { name: 'only', baseUrl: upstream.baseUrl, models: ['m'], maxConcurrent: 1, queue: { deadlineMs: 50 } },
      ],
    });
    const first = ask(url);
    await eventually('the first is there', () => held.length === 1);
    const second = await ask(url);
    expect(second.status).toBe(503);
    expect(errorOf(second).code).toBe('overloaded');
    expect(second.headers['retry-after']).toBe('1');
    release();
    expect((await first).status).toBe(200);
    expect(upstream.seen).toHaveLength(1);
  });

  test('and no line has the next server of the model asked at once', async () => {
    const [small, large] = [await standIn(), await standIn()];
    const { held, release } = holding(small);
    large.behave(json(completion('from the large one')));
    const { url } = await startRouter({
      upstreams: [
        { name: 'small', baseUrl: small.baseUrl, models: ['m'], maxConcurrent: 1, queue: { max: 0 } },
        { name: 'large', baseUrl: large.baseUrl, models: ['n'] },
      ],
      aliases: { either: ['m', 'n'] },
    });
    const first = ask(url);
    await eventually('the small one is full', () => held.length === 1);
    expect((await sendJson(`${url}/v1/chat/completions`, chat('x', { model: 'either' }))).text).toContain('large');
    release();
    expect((await first).status).toBe(200);
  });

  test('never hears of one that went away while it waited, and its place in line is free', async () => {
    const upstream = await standIn();
    const { held, release } = holding(upstream);
    const router = await testRouter({
      upstreams: [
        { name: 'only', baseUrl: upstream.baseUrl, models: ['m'], maxConcurrent: 1, queue: { max: 1 }, probe: false },
      ],
    });
    const fetch = (content: string, signal: AbortSignal | null = null): Promise<Response> =>
      router.fetch(
        new Request('http://router.test/v1/chat/completions', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(chat(content)),
          signal,
        }),
      );
    const first = fetch('first');
    await eventually('the first is there', () => held.length === 1);
    const leaving = new AbortController();
    const gone = fetch('gone', leaving.signal);
    // Refused because somebody else has the one place in line.
    expect((await fetch('too many')).status).toBe(503);
    leaving.abort();
    await expect(gone).rejects.toThrow();
    const third = fetch('third');
    expect((await fetch('too many again')).status).toBe(503);
    release();
    await eventually('the third is there', () => held.length === 1);
    release();
    expect([(await first).status, (await third).status]).toEqual([200, 200]);
    await router.drain();
    expect(upstream.seen.map(({ bodyText }) => /first|gone|third/.exec(bodyText)?.[0])).toEqual(['first', 'third']);
    expect(await upstream.openConnections()).toBe(1);
  });
});
