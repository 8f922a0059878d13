// Closed-loop load: wrk where it is installed, else this folder's own generator, which uses more of its core.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './child-process.mjs';
import { startJobs } from './jobs.mjs';
import { temporaryFolder } from './temporary-folder.mjs';

export const HAS_WRK = spawnSync('wrk', ['--version']).error === undefined;

/**
 * Sends one request again and again, each connection as soon as it has its answer.
 * @param {{ url: string, headers: Record<string, string>, body: string }} request
 * @param {{ connections: number, seconds: number, cpus?: string | null }} options
 * @returns {Promise<{ perSecond: number, p50Ms: number, p99Ms: number, requests: number }>}
 * @throws Error where one answer was not a 200, or none came
 */
export async function closedLoop(request, { connections, seconds, cpus = null }) {
  const result = HAS_WRK
    ? await wrk(request, { connections, seconds, cpus })
    : await ownGenerator(request, { connections, seconds, cpus });
  const failures = Object.entries(result.failures).filter(([, count]) => count > 0);
  if (result.requests === 0) throw new Error(`nothing was answered in ${seconds} s`);
  if (failures.length === 0) return result;
  throw new Error(
    `of ${result.requests} requests failed: ${failures.map(([kind, count]) => `${kind} ${count}`).join(', ')}`,
  );
}

async function wrk(request, { connections, seconds, cpus }) {
  const script = join(temporaryFolder(), 'request.lua');
  writeFileSync(script, lua(request));
  const sizes = ['-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '30s'];
  const output = await run('wrk', [...sizes, '-s', script, request.url], { cpus });
  return JSON.parse(output.split('\n').find((line) => line.startsWith('{')) ?? '');
}

function lua({ headers, body }) {
  // JSON's string is Lua's too for the printable ASCII of these requests.
  const fields = Object.entries(headers).map(
    ([name, value]) => `wrk.headers[${JSON.stringify(name)}] = ${JSON.stringify(value)}`,
  );
  return `wrk.method = "POST"
wrk.body = ${JSON.stringify(body)}
${fields.join('\n')}
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format('{"perSecond":%f,"p50Ms":%f,"p99Ms":%f,"requests":%d,"failures":{' ..
    '"status":%d,"connect":%d,"read":%d,"write":%d,"timeout":%d}}\\n',
    summary.requests * 1e6 / summary.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
    summary.requests, errors.status, errors.connect, errors.read, errors.write, errors.timeout))
end
`;
}

async function ownGenerator(request, { connections, seconds, cpus }) {
  const generator = await startJobs(new URL('../generators/closed-loop.mjs', import.meta.url), { cpus });
  try {
    return await generator.call('run', { ...request, connections, seconds });
  } finally {
    await generator.stop();
  }
}
