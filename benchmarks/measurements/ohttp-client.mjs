// The client over ohttp: construction to first answer, and CPU a request.
import { atMost } from '../harness/budget.mjs';
import { startJobs } from '../harness/jobs.mjs';
import { clearRequest } from '../harness/requests.mjs';
import { startRouter } from '../harness/router.mjs';
import { spread } from '../harness/statistics.mjs';

export const name = 'ohttp-client';
export const title = 'ohttp: the client';

const REQUEST_BYTES = 1_024;
const ANSWER_BYTES = 2_048;
const CLIENT = new URL('./ohttp-client-process.mjs', import.meta.url);
/** @type {readonly import('./ohttp-sealing.mjs').Kind[]} */
const SEALED = ['X25519', 'hybrid'];

/** @param {import('../run.mjs').MeasureOptions} options */
export async function measure({ quick, log }) {
  const plan = quick ? { starts: 2, rounds: 2, count: 50 } : { starts: 7, rounds: 5, count: 200 };
  const upstream = await startJobs(new URL('../targets/upstream.mjs', import.meta.url));
  const router = await startRouter({ upstream: `${await upstream.call('listen')}/json/${ANSWER_BYTES}` });
  try {
    const { headers, body } = clearRequest(router.url, REQUEST_BYTES);
    const job = (kind) => ({ url: router.url, kind, headers, body });
    log('first answers');
    // The router's first answers are slower than its others, and not what is measured.
    await inOwnProcess((client) => Promise.all(['clear', ...SEALED].map((kind) => client.call('warmUp', job(kind)))));
    const starts = await firstAnswers(job, plan.starts);
    log('requests one after the other');
    return findings(starts, await costs(job, plan));
  } finally {
    await router.stop();
    await upstream.stop();
  }
}

async function inOwnProcess(work) {
  const client = await startJobs(CLIENT);
  try {
    return await work(client);
  } finally {
    await client.stop();
  }
}

async function firstAnswers(job, count) {
  const samples = new Map(SEALED.map((kind) => [kind, []]));
  for (let index = 0; index < count; index++) {
    for (const kind of SEALED) {
      samples.get(kind).push(await inOwnProcess((client) => client.call('firstAnswer', job(kind))));
    }
  }
  return samples;
}

function costs(job, { rounds, count }) {
  return inOwnProcess(async (client) => {
    const kinds = ['clear', ...SEALED];
    const samples = new Map(kinds.map((kind) => [kind, []]));
    for (const kind of kinds) await client.call('costs', { ...job(kind), count });
    for (let round = 0; round < rounds; round++) {
      for (const kind of kinds) samples.get(kind).push(await client.call('costs', { ...job(kind), count }));
    }
    return samples;
  });
}

function findings(starts, requests) {
  const of = (samples, field) => samples.map((each) => each[field]);
  const answers = (kind) => of(starts.get(kind), 'answerMs');
  const cpu = (kind) => of(requests.get(kind), 'cpuMs');
  return {
    tables: [
      {
        caption: 'A fresh process each, a router on loopback, keys fetched from it.',
        columns: ['createSecureFetch', 'import ms', 'construction to first answer ms'],
        rows: SEALED.map((kind) => [kind, spread(of(starts.get(kind), 'importMs'), 0), spread(answers(kind), 1)]),
      },
      {
        caption: '1 KiB up, 2 KiB down, one after the other.',
        columns: ['request', 'CPU ms', 'wall ms'],
        rows: [...requests].map(([kind, samples]) => [
          kind === 'clear' ? 'in clear, undici’s request' : `sealed, ${kind}`,
          spread(cpu(kind)),
          spread(of(samples, 'wallMs')),
        ]),
      },
    ],
    budget: [
      atMost('ohttp X25519, ms from construction to first answer', 15, answers('X25519'), START_MISSED),
      atMost('ohttp hybrid, ms from construction to first answer', 40, answers('hybrid'), START_MISSED),
      atMost('ohttp X25519, client’s CPU ms a request', 0.9, cpu('X25519'), CPU_MISSED),
      atMost('ohttp hybrid, client’s CPU ms a request', 2.5, cpu('hybrid'), CPU_MISSED),
    ],
  };
}

const START_MISSED = 'code that runs for the first time. Next: profile what is loaded and compiled before the answer';
const CPU_MISSED = 'see what the transport takes in clear. Next: profile the channel';
