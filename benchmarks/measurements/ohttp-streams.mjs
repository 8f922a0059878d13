// ohttp: what sealing adds to each event of a stream, to the first one, and what a thousand open streams keep in memory.
import { setTimeout as wait } from 'node:timers/promises';
import { atMost } from '../harness/budget.mjs';
import { PINNED } from '../harness/cpus.mjs';
import { startJobs } from '../harness/jobs.mjs';
import { cpuSeconds, residentMiB } from '../harness/process-usage.mjs';
import { clearRequest } from '../harness/requests.mjs';
import { startRouter } from '../harness/router.mjs';
import { decimal, median, spread } from '../harness/statistics.mjs';

export const name = 'ohttp-streams';
export const title = 'ohttp: streams';

const REQUEST_BYTES = 1_024;
/** Longer than any run. */
const ENDLESS = 1_000_000;
const STREAMS = 100;
const EVERY_MS = 20;
const MANY_STREAMS = 1_000;
const MANY_EVERY_MS = 500;
const SETTLE_MS = 300;
/** @type {readonly import('./ohttp-sealing.mjs').Kind[]} */
const KINDS = ['clear', 'X25519', 'hybrid'];
/** The hybrid key exchange is the larger one. @type {readonly import('./ohttp-sealing.mjs').Kind[]} */
const MANY_KINDS = ['clear', 'hybrid'];

/** @param {import('../run.mjs').MeasureOptions} options */
export async function measure({ quick, log }) {
  const plan = quick ? { rounds: 1, seconds: 0.5, firsts: 10 } : { rounds: 3, seconds: 1.5, firsts: 60 };
  const load = PINNED?.load ?? null;
  const upstream = await startJobs(new URL('../targets/upstream.mjs', import.meta.url), { cpus: load });
  try {
    const origin = await upstream.call('listen');
    log(`${STREAMS} streams, an event every ${EVERY_MS} ms`);
    const events = await eachEvent(origin, plan);
    log('first tokens, one stream after the other');
    const firsts = await firstTokens(origin, plan.firsts);
    log(`${decimal(MANY_STREAMS, 0)} open streams`);
    const memory = new Map();
    for (const kind of MANY_KINDS) memory.set(kind, await openStreams(origin, kind));
    return findings(events, firsts, memory);
  } finally {
    await upstream.stop();
  }
}

/** Runs work against a router with a core of its own and a process of another module on the others. */
async function withRouter(upstream, module, work) {
  const router = await startRouter({ upstream, cpus: PINNED?.gateway ?? null });
  const reader = await startJobs(new URL(module, import.meta.url), { cpus: PINNED?.load ?? null });
  try {
    return await work(router, reader);
  } finally {
    await reader.stop();
    await router.stop();
  }
}

/** Only the middle of streams is watched, so that neither key exchange nor padding is in it. */
function eachEvent(origin, { rounds, seconds }) {
  return withRouter(`${origin}/paced/${ENDLESS}/${EVERY_MS}`, './ohttp-stream-load.mjs', async (router, reader) => {
    const samples = { clear: [], X25519: [] };
    // The first round warms up.
    for (let round = 0; round <= rounds; round++) {
      for (const [kind, taken] of Object.entries(samples)) {
        await reader.call('open', { url: router.url, kind, streams: STREAMS });
        await wait(SETTLE_MS);
        const before = cpuSeconds(router.pid);
        const { tokens, bytes, p50Ms, p99Ms } = await reader.call('watch', { seconds });
        const cpu = cpuSeconds(router.pid) - before;
        await reader.call('close');
        if (tokens === 0) throw new Error(`no token came over ${kind} streams`);
        if (round > 0) taken.push({ bytes: bytes / tokens, cpuUs: (cpu * 1e6) / tokens, p50Ms, p99Ms });
      }
    }
    return samples;
  });
}

function firstTokens(origin, count) {
  return withRouter(`${origin}/paced/4/1`, './ohttp-client-process.mjs', async ({ url }, client) => {
    const samples = new Map(KINDS.map((kind) => [kind, []]));
    const { headers, body } = clearRequest(url, REQUEST_BYTES, { stream: true });
    for (const kind of KINDS) await client.call('warmUp', { url, kind, headers, body });
    for (let index = 0; index < count; index++) {
      for (const kind of KINDS) samples.get(kind).push(await client.call('firstTokenMs', { url, kind, headers, body }));
    }
    return samples;
  });
}

function openStreams(origin, kind) {
  const base = `${origin}/paced/${ENDLESS}/${MANY_EVERY_MS}`;
  return withRouter(base, './ohttp-stream-load.mjs', async ({ pid, url }, reader) => {
    const beforeMiB = residentMiB(pid);
    await reader.call('open', { url, kind, streams: MANY_STREAMS });
    // Two of each stream's tokens pass, so that none is merely begun.
    const { tokens } = await reader.call('watch', { seconds: (2 * MANY_EVERY_MS) / 1_000 });
    const fullMiB = residentMiB(pid);
    await reader.call('close');
    if (tokens < MANY_STREAMS)
      throw new Error(`${MANY_STREAMS} ${kind} streams gave ${tokens} tokens: not all are open`);
    return { beforeMiB, fullMiB };
  });
}

function findings(events, firsts, memory) {
  const added = (field) => events.X25519.map((sealed, round) => sealed[field] - events.clear[round][field]);
  const eventRow = (what, samples) => {
    const of = (field, digits) =>
      spread(
        samples.map((each) => each[field]),
        digits,
      );
    return [what, of('bytes', 1), of('cpuUs', 1), of('p50Ms', 2), of('p99Ms', 2)];
  };
  const sent = (kind) => (kind === 'clear' ? 'in clear' : `sealed, ${kind}`);
  const clearFirst = median(firsts.get('clear'));
  return {
    tables: [
      {
        caption: `Each event, in the middle of ${STREAMS} streams with one every ${EVERY_MS} ms.`,
        columns: ['stream', 'bytes', 'router’s CPU µs', 'late ms, p50', 'late ms, p99'],
        rows: [
          eventRow('in clear', events.clear),
          eventRow('sealed', events.X25519),
          [
            'added',
            spread(added('bytes'), 1),
            spread(added('cpuUs'), 1),
            spread(added('p50Ms')),
            spread(added('p99Ms')),
          ],
        ],
      },
      {
        caption: 'From the request to its first token, one stream after the other, keys fetched and code warm.',
        columns: ['stream', 'first token ms', 'added'],
        rows: KINDS.map((kind) => [
          sent(kind),
          spread(firsts.get(kind)),
          kind === 'clear' ? '–' : decimal(median(firsts.get(kind)) - clearFirst),
        ]),
      },
      {
        caption: `${decimal(MANY_STREAMS, 0)} streams open at once, each in a fresh router.`,
        columns: ['streams', 'RSS before MiB', 'with all open MiB', 'KiB a stream'],
        rows: MANY_KINDS.map((kind) => {
          const { beforeMiB, fullMiB } = memory.get(kind);
          const each = ((fullMiB - beforeMiB) * 1_024) / MANY_STREAMS;
          return [sent(kind), decimal(beforeMiB, 0), decimal(fullMiB, 0), decimal(each, 0)];
        }),
      },
    ],
    budget: [
      atMost(
        'ohttp, bytes added to an event',
        60,
        added('bytes'),
        'each event is more than one chunk: look at the sink',
      ),
      atMost('ohttp, µs of the router’s CPU added to an event', 10, added('cpuUs'), 'next: profile the sealing sink'),
      atMost(
        `MiB of the router with ${decimal(MANY_STREAMS, 0)} sealed streams open`,
        300,
        [memory.get('hybrid').fullMiB],
        'see what a stream in clear takes. Next: a heap snapshot',
      ),
    ],
  };
}
