// The same request again and again over so many connections: stands in for wrk where that is missing.

import { serveJobs } from '../harness/jobs.mjs';
import { percentile } from '../harness/statistics.mjs';
import { connections as open, send } from './send.mjs';

async function run({ url, headers, body, connections, seconds }) {
  const { origin, pathname: path } = new URL(url);
  const pool = open(origin, connections);
  const latencies = [];
  const failures = { status: 0, connection: 0 };
  const begin = performance.now();
  const end = begin + seconds * 1_000;
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (let sent = performance.now(); sent < end; sent = performance.now()) {
        const status = await send(pool, { path, headers, body });
        if (status === 0) failures.connection++;
        else if (status !== 200) failures.status++;
        latencies.push(performance.now() - sent);
      }
    }),
  );
  const elapsed = (performance.now() - begin) / 1_000;
  await pool.destroy();
  return {
    perSecond: latencies.length / elapsed,
    p50Ms: percentile(latencies, 0.5),
    p99Ms: percentile(latencies, 0.99),
    requests: latencies.length,
    failures,
  };
}

serveJobs({ run });
