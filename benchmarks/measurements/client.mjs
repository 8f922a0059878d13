// The client over nomyo-v1: construction to first answer, and CPU a request.
import { startJobs } from '../harness/jobs.mjs';
import { startRouter } from '../harness/router.mjs';
import { spread } from '../harness/statistics.mjs';
import { temporaryFolder } from '../harness/temporary-folder.mjs';

export const name = 'client';
export const title = 'Client over nomyo-v1';

const REQUEST_BYTES = 1_024;
const CLIENT = new URL('../generators/client-process.mjs', import.meta.url);

/** @param {import('../run.mjs').MeasureOptions} options */
export async function measure({ quick, log }) {
  const plan = quick ? { starts: 3, rounds: 2, count: 50 } : { starts: 9, rounds: 5, count: 200 };
  const upstream = await startJobs(new URL('../targets/upstream.mjs', import.meta.url));
  const router = await startRouter({ upstream: `${await upstream.call('listen')}/json/2048` });
  const keyDir = temporaryFolder();
  try {
    log('first answers');
    const { fresh, stored } = await firstAnswers(router.url, keyDir, plan.starts);
    log('requests one after the other');
    const { sealed, clear } = await costs(router.url, keyDir, plan);
    return { tables: tables(fresh, stored, sealed, clear), budget: [] };
  } finally {
    await router.stop();
    await upstream.stop();
  }
}

async function firstAnswers(url, keyDir, starts) {
  const fresh = [];
  const stored = [];
  // The first one makes the pair that the others find.
  await inOwnProcess((client) => client.call('firstAnswer', { url, bytes: REQUEST_BYTES, keyDir }));
  for (let index = 0; index < starts; index++) {
    for (const [samples, directory] of [
      [fresh, null],
      [stored, keyDir],
    ]) {
      samples.push(
        await inOwnProcess((client) => client.call('firstAnswer', { url, bytes: REQUEST_BYTES, keyDir: directory })),
      );
    }
  }
  return { fresh, stored };
}

async function inOwnProcess(work) {
  const client = await startJobs(CLIENT);
  try {
    return await work(client);
  } finally {
    await client.stop();
  }
}

function costs(url, keyDir, { rounds, count }) {
  return inOwnProcess(async (client) => {
    await client.call('firstAnswer', { url, bytes: REQUEST_BYTES, keyDir });
    const sealed = [];
    const clear = [];
    for (let round = 0; round < rounds; round++) {
      sealed.push(await client.call('cpuOfSealed', { bytes: REQUEST_BYTES, count }));
      clear.push(await client.call('cpuOfClear', { url, bytes: REQUEST_BYTES, count }));
    }
    return { sealed, clear };
  });
}

function tables(fresh, stored, sealed, clear) {
  const starts = (what, samples) => [
    what,
    spread(
      samples.map(({ importMs }) => importMs),
      0,
    ),
    spread(
      samples.map(({ answerMs }) => answerMs),
      0,
    ),
  ];
  const cost = (what, samples) => [
    what,
    spread(samples.map(({ cpuMs }) => cpuMs)),
    spread(samples.map(({ wallMs }) => wallMs)),
  ];
  return [
    {
      caption: 'A fresh process each, a router on loopback, RSA-4096.',
      columns: ['client’s key pair', 'import ms', 'construction to first answer ms'],
      rows: [starts('made at start', fresh), starts('stored in keyDir', stored)],
    },
    {
      caption: '1 KiB up, 2 KiB down, one after the other.',
      columns: ['request', 'CPU ms', 'wall ms'],
      rows: [cost('sealed, SecureChatCompletion', sealed), cost('in clear, undici’s request', clear)],
    },
  ];
}
