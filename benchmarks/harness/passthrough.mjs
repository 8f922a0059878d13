// Clear requests through a gateway that has one core, from a load generator and to an upstream on the others.

import { PINNED } from './cpus.mjs';
import { startJobs } from './jobs.mjs';
import { cpuSeconds, residentMiB } from './process-usage.mjs';
import { clearRequest } from './requests.mjs';
import { decimal, median, spread } from './statistics.mjs';
import { closedLoop } from './wrk.mjs';

const REQUEST_BYTES = 1_024;
const PACED = { streams: 100, startWithinMs: 1_000 };

/** The work a gateway is given. `base` is the stand-in's path, `drive` sends it for some seconds. */
export const WORK = [
  { what: 'JSON, 32 at once', base: '/json/2048', stream: false, drive: wrkWith(32) },
  { what: 'JSON, 128 at once', base: '/json/2048', stream: false, drive: wrkWith(128) },
  { what: 'SSE, 50 events at once, 32 streams', base: '/events/50', stream: true, drive: wrkWith(32) },
  { what: 'SSE, a token every 20 ms, 100 streams', base: '/paced/50/20', stream: true, drive: pacedStreams },
];

function wrkWith(connections) {
  return (request, seconds) => closedLoop(request, { connections, seconds, cpus: PINNED?.load ?? null });
}

async function pacedStreams(request, seconds) {
  const generator = await startJobs(new URL('../generators/token-streams.mjs', import.meta.url), {
    cpus: PINNED?.load ?? null,
  });
  try {
    const result = await generator.call('run', { ...request, ...PACED, seconds });
    if (result.failures > 0) throw new Error(`${result.failures} streams from ${request.url} failed`);
    return result;
  } finally {
    await generator.stop();
  }
}

/**
 * Gives every gateway the same work, by turns.
 * @param {readonly { name: string, start: (upstream: string) => Promise<Gateway> }[]} gateways
 * @param {{ work?: typeof WORK, rounds: number, seconds: number, warmUpSeconds: number, log: (line: string) => void }} options
 * @typedef {{ pid: number, url: string, headers?: Record<string, string>, stop: () => Promise<void> }} Gateway
 * @returns {Promise<Map<string, Map<string, Sample[]>>>} by work, then by gateway
 * @typedef {{ perSecond: number, p50Ms: number, p99Ms: number, cpuPer1000: number, busy: number, residentMiB: number }} Sample
 */
export async function passThrough(gateways, { work = WORK, rounds, seconds, warmUpSeconds, log }) {
  const upstream = await startJobs(new URL('../targets/upstream.mjs', import.meta.url), { cpus: PINNED?.load ?? null });
  const origin = await upstream.call('listen');
  const results = new Map();
  try {
    for (const each of work) {
      log(each.what);
      results.set(each.what, await byTurns(gateways, each, origin, { rounds, seconds, warmUpSeconds }));
    }
  } finally {
    await upstream.stop();
  }
  return results;
}

async function byTurns(gateways, { base, stream, drive }, origin, { rounds, seconds, warmUpSeconds }) {
  const started = [];
  try {
    for (const { name, start } of gateways) {
      const gateway = await start(origin + base);
      const request = clearRequest(`${gateway.url}/v1/chat/completions`, REQUEST_BYTES, { stream });
      const sent = { ...request, headers: { ...request.headers, ...gateway.headers } };
      started.push({ name, gateway, request: sent, samples: [] });
    }
    for (const { name, request } of started) await named(name, drive(request, warmUpSeconds));
    for (let round = 0; round < rounds; round++) {
      for (const { name, gateway, request, samples } of started) {
        samples.push(
          await named(
            name,
            sample(gateway, () => drive(request, seconds)),
          ),
        );
      }
    }
  } finally {
    for (const { gateway } of started) await gateway.stop();
  }
  return new Map(started.map(({ name, samples }) => [name, samples]));
}

/** Says whose failure it was. */
async function named(name, work) {
  try {
    return await work;
  } catch (error) {
    throw new Error(`${name}: ${error.message}`, { cause: error });
  }
}

async function sample({ pid }, drive) {
  const cpuBefore = cpuSeconds(pid);
  const begin = performance.now();
  const { perSecond, requests, p50Ms, p99Ms } = await drive();
  const elapsed = (performance.now() - begin) / 1_000;
  const cpu = cpuSeconds(pid) - cpuBefore;
  const cpuPer1000 = (cpu * 1_000) / requests;
  return { perSecond, p50Ms, p99Ms, cpuPer1000, busy: cpu / elapsed, residentMiB: residentMiB(pid) };
}

/** One table over all work and gateways. @param {Map<string, Map<string, Sample[]>>} results */
export function passThroughTable(results) {
  const rows = [...results].flatMap(([what, byGateway]) =>
    [...byGateway].map(([name, samples]) => {
      const of = (field, digits) => decimal(median(samples.map((each) => each[field])), digits);
      const rate = spread(
        samples.map(({ perSecond }) => perSecond),
        0,
      );
      const busy = `${decimal(100 * median(samples.map(({ busy }) => busy)), 0)} %`;
      return [what, name, rate, of('p50Ms', 2), of('p99Ms', 2), of('cpuPer1000', 3), busy, of('residentMiB', 0)];
    }),
  );
  const columns = ['work', 'gateway', 'a second', 'p50 ms', 'p99 ms', 'CPU s per 1,000', 'of its core', 'RSS MiB'];
  return { columns, rows };
}

/** One gateway's rate in terms of another's, round by round. @returns {number[]} */
export function ratios(results, what, gateway, baseline, field = 'perSecond') {
  const byGateway = results.get(what);
  const others = byGateway.get(baseline);
  return byGateway.get(gateway).map((sample, round) => sample[field] / others[round][field]);
}
