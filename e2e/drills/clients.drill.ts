import { afterAll, beforeAll, expect } from 'vitest';
import { type StandInUpstream, startStandIn } from '../../packages/router/test/stand-in-upstream.ts';
import { scratchFolder } from '../scratch-folder.ts';
import { type RunningRouter, startConfigured } from '../sotto.ts';
import { ask, type Ending, quantile, tally } from './ask.ts';
import { drill } from './drill.ts';
import { readMetrics, residentMib, total } from './metrics.ts';
import { type RawClient, rawClient, trickle } from './raw-client.ts';

const IDLE_CONNECTIONS = 5_000;
const LORISES = 200;
const REQUEST_SECONDS = 3;
const SWEEP_MS = 5_000;
const folder = scratchFolder();

let upstream: StandInUpstream;
let router: RunningRouter;

beforeAll(async () => {
  upstream = await startStandIn(['m']);
  router = await startConfigured(`${folder}/clients.json`, {
    listen: '127.0.0.1:0',
    protocols: ['clear', 'ohttp'],
    auth: 'open',
    limits: { requestSeconds: REQUEST_SECONDS },
    upstreams: [{ name: 'model', baseUrl: upstream.baseUrl, models: ['m'], probe: false }],
  });
});

afterAll(async () => {
  await router.stop();
  await upstream.close();
});

async function askMany(times: number): Promise<readonly Ending[]> {
  const endings: Ending[] = [];
  for (let asked = 0; asked < times; asked++) endings.push(await ask({ url: router.url, model: 'm' }));
  return endings;
}

function expectAnswered(endings: readonly Ending[]): void {
  expect(tally(endings)).toBe(`${endings.length} answered`);
}

const p99 = (endings: readonly Ending[]): string =>
  `${quantile(
    endings.map(({ ms }) => ms),
    0.99,
  ).toFixed(1)} ms`;

async function hangUp(clients: readonly RawClient[]): Promise<void> {
  for (const { socket } of clients) socket.destroy();
  await Promise.all(clients.map(({ over }) => over));
}

drill(
  `${IDLE_CONNECTIONS} connections that say nothing`,
  'all are accepted, other callers are answered as before, and an idle connection costs less than 64 KiB',
  async (note) => {
    const before = { endings: await askMany(200), rss: residentMib(await readMetrics(router.url)) };
    const clients: RawClient[] = [];
    for (let begun = 0; begun < IDLE_CONNECTIONS; begun += 250) {
      clients.push(...(await Promise.all(Array.from({ length: 250 }, () => rawClient(router.url)))));
    }
    const during = { endings: await askMany(200), rss: residentMib(await readMetrics(router.url)) };
    const kib = ((during.rss - before.rss) * 1_024) / IDLE_CONNECTIONS;
    note('p99 of others before and during', `${p99(before.endings)}, ${p99(during.endings)}`);
    note('memory a connection', `${kib.toFixed(1)} KiB`);
    expect(clients.filter(({ socket }) => socket.writable)).toHaveLength(IDLE_CONNECTIONS);
    expectAnswered(before.endings);
    expectAnswered(during.endings);
    expect(kib).toBeLessThan(64);
    await hangUp(clients);
  },
);

for (const [what, opening, rest] of [
  ['header fields', 'GET /v1/models HTTP/1.1\r\nHost: router\r\n', 'X-Slow: '.padEnd(1_000, 'a')],
  [
    'bodies',
    'POST /v1/chat/completions HTTP/1.1\r\nHost: router\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n',
    '{"model":"m","messages":[{"role":"user","content":"'.padEnd(1_000, 'a'),
  ],
] as const) {
  drill(
    `${LORISES} connections that trickle their ${what}`,
    `each is cut off within limits.requestSeconds (${REQUEST_SECONDS} s) and one sweep, told 408, and others are answered`,
    async (note) => {
      const clients = await Promise.all(Array.from({ length: LORISES }, () => rawClient(router.url)));
      for (const client of clients) {
        client.socket.write(opening);
        trickle(client, rest, 100);
      }
      const others = await askMany(200);
      const ended = await Promise.all(clients.map(({ over }) => over));
      note('longest', `${(Math.max(...ended) / 1_000).toFixed(1)} s`);
      note('p99 of others', p99(others));
      expectAnswered(others);
      expect(Math.max(...ended)).toBeLessThan(REQUEST_SECONDS * 1_000 + SWEEP_MS);
      expect(clients.filter((client) => client.received().startsWith('HTTP/1.1 408'))).toHaveLength(LORISES);
    },
  );
}

drill(
  'a client that never reads its stream',
  'the model server is held back, memory stays bounded, and when the client goes the call is cancelled',
  async (note) => {
    const event = `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content: 'x'.repeat(8_192) } }] })}\n\n`;
    let written = 0;
    const cancelled = new Promise<void>((resolve) => {
      upstream.behave((_request, response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        // It would write 400 MB, as fast as it is taken.
        const pump = (): void => {
          while (written < 50_000 && !response.destroyed) {
            written++;
            if (!response.write(event)) break;
          }
        };
        response.on('drain', pump).on('close', resolve);
        pump();
      });
    });
    const before = residentMib(await readMetrics(router.url));
    const client = await rawClient(router.url, { reads: false });
    const body = JSON.stringify({ model: 'm', stream: true, messages: [{ role: 'user', content: 'flood me' }] });
    const head = `POST /v1/chat/completions HTTP/1.1\r\nHost: router\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    client.socket.write(head + body);
    await expect.poll(() => written, { timeout: 5_000 }).toBeGreaterThan(10);
    // Until it stands still.
    let last = -1;
    await expect
      .poll(
        () => {
          const still = written === last;
          last = written;
          return still;
        },
        { interval: 500, timeout: 20_000 },
      )
      .toBe(true);
    const grown = residentMib(await readMetrics(router.url)) - before;
    note(
      'written by the model server before it was held back',
      `${((written * event.length) / 1_048_576).toFixed(1)} MiB`,
    );
    note('memory of the router', `grew by ${grown.toFixed(1)} MiB`);
    expect(written).toBeLessThan(50_000);
    expect(grown).toBeLessThan(64);
    await hangUp([client]);
    await cancelled;
    await expect
      .poll(async () => total(await readMetrics(router.url), 'sotto_upstream_under_way'), { timeout: 5_000 })
      .toBe(0);
  },
);
