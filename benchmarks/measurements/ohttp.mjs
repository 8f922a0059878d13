// ohttp: what the router does a second with sealed requests, by what it does with clear ones.
import { atLeastWithCpu } from '../harness/budget.mjs';
import { PINNED } from '../harness/cpus.mjs';
import { startJobs } from '../harness/jobs.mjs';
import { cpuSeconds } from '../harness/process-usage.mjs';
import { startRouter } from '../harness/router.mjs';
import { decimal, median, spread } from '../harness/statistics.mjs';

export const name = 'ohttp';
export const title = 'ohttp: sealed against clear';

/** @type {readonly import('./ohttp-sealing.mjs').Kind[]} */
const KINDS = ['clear', 'X25519', 'hybrid'];
const CONNECTIONS = 32;
/** Sent at most in the first round, whose rate says how many are prepared for the next. */
const FIRST_REQUESTS = 128;
/** Prepared beyond what the round before would have taken. */
const MARGIN = 1.3;
/** Sealed requests are in memory before they are sent. */
const MOST_PREPARED_BYTES = 134_217_728;

const SMALL = '1 KiB up and down';
const WORK = [
  { what: SMALL, base: '/json/1024', bytes: 1_024, stream: false },
  { what: '100 KiB up and down', base: '/json/102400', bytes: 102_400, stream: false },
  { what: '1 KiB up, 50 events down', base: '/events/50', bytes: 1_024, stream: true },
];

/** Node has ML-KEM of its own from 24.7 on; before, it is JavaScript. */
const HYBRID_TARGET = Number.parseInt(process.versions.node, 10) >= 24 ? 0.3 : 0.15;

/** @param {import('../run.mjs').MeasureOptions} options */
export async function measure({ quick, log }) {
  const plan = quick ? { rounds: 2, seconds: 0.1, warmUpSeconds: 0.1 } : { rounds: 5, seconds: 0.4, warmUpSeconds: 1 };
  const load = PINNED?.load ?? null;
  const upstream = await startJobs(new URL('../targets/upstream.mjs', import.meta.url), { cpus: load });
  const generator = await startJobs(new URL('./ohttp-load.mjs', import.meta.url), { cpus: load });
  try {
    const origin = await upstream.call('listen');
    const results = new Map();
    for (const work of WORK) {
      log(work.what);
      results.set(work.what, await byTurns(generator, origin, work, plan));
    }
    return findings(results);
  } finally {
    await generator.stop();
    await upstream.stop();
  }
}

async function byTurns(generator, origin, { base, bytes, stream }, { rounds, seconds, warmUpSeconds }) {
  const router = await startRouter({ upstream: origin + base, cpus: PINNED?.gateway ?? null });
  const work = { url: router.url, bytes, stream };
  const send = (kind, count, most) => sample(generator, router, { ...work, kind, count, seconds: most });
  try {
    const counts = new Map();
    const samples = new Map();
    for (const kind of KINDS) {
      const most = kind === 'clear' ? Number.POSITIVE_INFINITY : MOST_PREPARED_BYTES / bytes;
      const enough = (perSecond, time) => Math.ceil(Math.min(perSecond * time * MARGIN, most));
      const first = await send(kind, FIRST_REQUESTS, warmUpSeconds);
      const warm = await send(kind, enough(first.perSecond, warmUpSeconds), warmUpSeconds);
      counts.set(kind, enough(warm.perSecond, seconds));
      samples.set(kind, []);
    }
    for (let round = 0; round < rounds; round++) {
      for (const kind of KINDS) samples.get(kind).push(await send(kind, counts.get(kind), seconds));
    }
    return samples;
  } finally {
    await router.stop();
  }
}

async function sample(generator, { pid, url }, job) {
  await generator.call('prepare', job);
  const before = cpuSeconds(pid);
  const result = await generator.call('run', { url, connections: CONNECTIONS, seconds: job.seconds });
  const cpu = cpuSeconds(pid) - before;
  if (result.failures > 0) throw new Error(`${result.failures} of ${result.requests} ${job.kind} requests failed`);
  if (job.kind !== 'clear' && result.opened === 0) throw new Error('no sealed answer was opened');
  return { ...result, cpuMs: (cpu * 1_000) / result.requests, busy: (cpu * 1_000) / result.elapsedMs };
}

function findings(results) {
  const rows = [...results].flatMap(([what, byKind]) => KINDS.map((kind) => row(what, kind, byKind)));
  const columns = ['work', 'sent', 'a second', 'of clear', 'p50 ms', 'p99 ms', 'CPU ms each', 'of its core'];
  const small = results.get(SMALL);
  const line = (kind, target, ifMissed) =>
    atLeastWithCpu(
      `ohttp ${kind}, ${SMALL}, of its own clear passthrough`,
      target,
      ofClear(small, kind, 'perSecond'),
      ofClear(small, kind, 'cpuMs').map((ratio) => 1 / ratio),
      ifMissed,
    );
  return {
    tables: [{ caption: `${CONNECTIONS} connections.`, columns, rows }],
    budget: [line('X25519', 0.5, MISSED), line('hybrid', HYBRID_TARGET, MISSED)],
  };
}

const MISSED =
  'see the CPU column: the clear request it is held against costs half of what it did. Next: profile key schedule, padding ' +
  'and the sealing sink';

/** One kind in terms of clear, round by round. @returns {number[]} */
function ofClear(byKind, kind, field) {
  const clear = byKind.get('clear');
  return byKind.get(kind).map((sample, round) => sample[field] / clear[round][field]);
}

function row(what, kind, byKind) {
  const of = (field) => byKind.get(kind).map((sample) => sample[field]);
  return [
    what,
    kind === 'clear' ? 'in clear' : `sealed, ${kind}`,
    spread(of('perSecond'), 0),
    spread(ofClear(byKind, kind, 'perSecond')),
    decimal(median(of('p50Ms')), 1),
    decimal(median(of('p99Ms')), 1),
    decimal(median(of('cpuMs')), 3),
    `${decimal(100 * median(of('busy')), 0)} %`,
  ];
}
