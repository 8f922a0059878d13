// Streams whose tokens carry the time at which the upstream wrote them: how late each one is here.
import { setTimeout as wait } from 'node:timers/promises';
import { serveJobs } from '../harness/jobs.mjs';
import { percentile } from '../harness/statistics.mjs';
import { connections, send } from './send.mjs';

const TOKEN = /"content":"(\d+)"/g;

async function run({ url, headers, body, streams, seconds, startWithinMs }) {
  const { origin, pathname: path } = new URL(url);
  const pool = connections(origin, streams);
  const latenessMs = [];
  let completed = 0;
  let failures = 0;
  const onData = (chunk) => {
    // The kernel's monotonic clock is one for all processes of a machine.
    const now = process.hrtime.bigint();
    for (const [, written] of chunk.toString('latin1').matchAll(TOKEN)) {
      latenessMs.push(Number(now - BigInt(written)) / 1e6);
    }
  };
  const begin = performance.now();
  await Promise.all(
    Array.from({ length: streams }, async (_, index) => {
      await wait((index * startWithinMs) / streams);
      while (performance.now() - begin < seconds * 1_000) {
        if ((await send(pool, { path, headers, body }, { onData })) === 200) completed++;
        else failures++;
      }
    }),
  );
  const elapsed = (performance.now() - begin) / 1_000;
  await pool.destroy();
  const [p50Ms, p99Ms] = [percentile(latenessMs, 0.5), percentile(latenessMs, 0.99)];
  return { perSecond: completed / elapsed, requests: completed, tokens: latenessMs.length, p50Ms, p99Ms, failures };
}

serveJobs({ run });
