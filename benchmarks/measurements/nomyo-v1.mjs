// nomyo-v1: sealed requests a second against the RSA that the machine can do, and what they do to clear ones.
import { atLeast, atMost } from '../harness/budget.mjs';
import { CORES } from '../harness/cpus.mjs';
import { startJobs } from '../harness/jobs.mjs';
import { burnAllCores, opensslVersion, privateOperationsPerSecond } from '../harness/openssl-speed.mjs';
import { cpuSeconds } from '../harness/process-usage.mjs';
import { clearRequest } from '../harness/requests.mjs';
import { startRouter } from '../harness/router.mjs';
import { decimal, median, spread } from '../harness/statistics.mjs';

export const name = 'nomyo-v1';
export const title = 'nomyo-v1: sealed requests';

const REQUEST_BYTES = 1_024;
const CONNECTIONS = 32;
const CLEAR_PER_SECOND = 100;
/** Sealed beforehand beyond what openssl would manage: some rounds are faster than the one that was asked. */
const MARGIN = 2;

/** @param {import('../run.mjs').MeasureOptions} options */
export async function measure({ quick, log }) {
  if (opensslVersion() === null) throw new Error('openssl is missing: there is nothing to measure against');
  const plan = quick ? { rounds: 2, seconds: 2 } : { rounds: 4, seconds: 4 };
  const bench = await Bench.start();
  try {
    await bench.sealed(bench.single, 1, 200 * CORES);
    await bench.sealed(bench.several, 1, 200 * CORES);
    const rounds = [];
    for (let round = 0; round < plan.rounds; round++) {
      log(`round ${round + 1} of ${plan.rounds}`);
      rounds.push(await bench.round(plan.seconds));
    }
    return findings(rounds);
  } finally {
    await bench.stop();
  }
}

/** Two routers, one with a worker a core, and whoever sends to them. All share all cores, as they would. */
class Bench {
  constructor({ upstream, single, several, sealer, asker }) {
    this.upstream = upstream;
    this.single = single;
    this.several = several;
    this.sealer = sealer;
    this.asker = asker;
  }

  static async start() {
    const upstream = await startJobs(new URL('../targets/upstream.mjs', import.meta.url));
    const base = `${await upstream.call('listen')}/json/512`;
    return new Bench({
      upstream,
      single: await startRouter({ upstream: base }),
      several: await startRouter({ upstream: base, workers: CORES }),
      sealer: await startJobs(new URL('../generators/sealed-requests.mjs', import.meta.url)),
      asker: await startJobs(new URL('../generators/paced-requests.mjs', import.meta.url)),
    });
  }

  async stop() {
    for (const each of [this.asker, this.sealer, this.several, this.single, this.upstream]) await each.stop();
  }

  async round(seconds) {
    const openssl = await privateOperationsPerSecond(seconds);
    const rate = openssl * MARGIN;
    const single = await this.sealed(this.single, seconds, rate);
    const several = await this.sealed(this.several, seconds, rate);
    const alone = await this.clear(seconds);
    const beside = await this.clearBesideSealed(seconds, rate);
    const burning = burnAllCores();
    const besideOpenssl = await this.clear(seconds);
    burning();
    return { openssl, single, several, alone, beside, besideOpenssl };
  }

  async sealed({ pid, url }, seconds, rate) {
    await this.sealer.call('prepare', { url, count: Math.ceil(rate * seconds), bytes: REQUEST_BYTES });
    const before = cpuSeconds(pid);
    const result = await this.sealer.call('run', { url, connections: CONNECTIONS, seconds });
    return checked({ ...result, cpuMs: ((cpuSeconds(pid) - before) * 1_000) / result.requests });
  }

  async clear(seconds) {
    const request = clearRequest(`${this.single.url}/v1/chat/completions`, REQUEST_BYTES);
    return checked(await this.asker.call('run', { ...request, perSecond: CLEAR_PER_SECOND, seconds }));
  }

  async clearBesideSealed(seconds, rate) {
    const { url } = this.single;
    // One second longer than the clear requests, which must not see the load begin or end.
    await this.sealer.call('prepare', { url, count: Math.ceil(rate * (seconds + 1)), bytes: REQUEST_BYTES });
    const load = this.sealer.call('run', { url, connections: CONNECTIONS, seconds: seconds + 0.5 });
    const clear = await this.clear(seconds);
    checked(await load);
    return clear;
  }
}

function checked(result) {
  if (result.failures > 0) throw new Error(`${result.failures} of ${result.requests} requests failed`);
  return result;
}

function findings(rounds) {
  const sealedRow = (what, key) => {
    const of = (field) => rounds.map((round) => round[key][field]);
    const share = spread(rounds.map((round) => round[key].perSecond / round.openssl));
    return [
      what,
      spread(of('perSecond'), 0),
      share,
      decimal(median(of('p50Ms')), 1),
      decimal(median(of('p99Ms')), 1),
      decimal(median(of('cpuMs')), 2),
    ];
  };
  const openssl = [
    'openssl speed rsa4096, private operations',
    spread(
      rounds.map((round) => round.openssl),
      0,
    ),
    '1',
    '–',
    '–',
    '–',
  ];
  const clearRow = (what, key) => {
    const of = (field) =>
      spread(
        rounds.map((round) => round[key][field]),
        1,
      );
    return [what, of('p50Ms'), of('p99Ms')];
  };
  return {
    tables: [
      {
        caption: `1 KiB up, 0.5 KiB down, ${CONNECTIONS} connections, upstream and load generator on the same ${CORES} cores.`,
        columns: ['work', 'a second', 'of openssl', 'p50 ms', 'p99 ms', 'CPU ms each'],
        rows: [openssl, sealedRow('router', 'single'), sealedRow(`router, --workers ${CORES}`, 'several')],
      },
      {
        caption: `Clear requests, ${CLEAR_PER_SECOND} a second by the clock, through the same router.`,
        columns: ['meanwhile', 'p50 ms', 'p99 ms'],
        rows: [
          clearRow('nothing else', 'alone'),
          clearRow('nomyo-v1 at full load', 'beside'),
          clearRow('openssl speed on every core, the router else idle', 'besideOpenssl'),
        ],
      },
    ],
    budget: [
      atLeast('nomyo-v1, of openssl’s RSA-4096 private operations', 0.85, ofOpenssl(rounds, 'single'), RATE_MISSED),
      atLeast(`nomyo-v1 with --workers ${CORES}, of the same`, 0.85, ofOpenssl(rounds, 'several'), RATE_MISSED),
      atMost(
        'p99 of clear requests beside nomyo-v1, by that beside as busy cores',
        1.25,
        rounds.map(({ beside, besideOpenssl }) => beside.p99Ms / besideOpenssl.p99Ms),
        'the threads that do RSA compete with the event loop. Next: one a core, at a lower priority than the loop’s',
      ),
    ],
  };
}

function ofOpenssl(rounds, key) {
  return rounds.map((round) => round[key].perSecond / round.openssl);
}

const RATE_MISSED =
  'the event loop, the upstream and the load generator share the cores with RSA (CPU column). Next: RSA on one thread a core';
