// Requests by the clock, whatever becomes of those before: a slow answer does not slow the asking.
import { setTimeout as wait } from 'node:timers/promises';
import { serveJobs } from '../harness/jobs.mjs';
import { percentile } from '../harness/statistics.mjs';
import { connections, send } from './send.mjs';

const MOST_AT_ONCE = 256;

async function run({ url, headers, body, perSecond, seconds }) {
  const { origin, pathname: path } = new URL(url);
  const pool = connections(origin, MOST_AT_ONCE);
  const latencies = [];
  const answers = [];
  let failures = 0;
  const begin = performance.now();
  for (let index = 0; index < perSecond * seconds; index++) {
    const due = begin + (index * 1_000) / perSecond;
    if (due > performance.now()) await wait(due - performance.now());
    const sent = performance.now();
    answers.push(
      send(pool, { path, headers, body }).then((status) => {
        latencies.push(performance.now() - sent);
        if (status !== 200) failures++;
      }),
    );
  }
  await Promise.all(answers);
  await pool.destroy();
  return {
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    requests: latencies.length,
    failures,
  };
}

serveJobs({ run });
