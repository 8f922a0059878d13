// Calls between this process and the ones it starts: one name, one argument, one answer.
import { fileURLToPath } from 'node:url';
import { start, stop } from './child-process.mjs';

/**
 * Starts a module that calls {@link serveJobs}.
 * @param {URL} module
 * @param {{ cpus?: string | null, nodeOptions?: readonly string[] }} options
 */
export async function startJobs(module, { cpus = null, nodeOptions = [] } = {}) {
  const child = start(process.execPath, [...nodeOptions, fileURLToPath(module)], {
    cpus,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const waiting = new Map();
  let calls = 0;
  child.on('message', (/** @type {any} */ { call, result, error }) => {
    const { resolve, reject } = waiting.get(call);
    waiting.delete(call);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  });
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error(`${module.pathname} ended before it answered`));
  });
  return {
    pid: child.pid,
    call: (job, argument) =>
      new Promise((resolve, reject) => {
        waiting.set(calls, { resolve, reject });
        child.send({ call: calls++, job, argument });
      }),
    stop: () => stop(child),
  };
}

/** Answers the calls of the process that started this one. @param {Record<string, (argument: any) => unknown>} jobs */
export function serveJobs(jobs) {
  process.on('message', async ({ call, job, argument }) => {
    try {
      process.send({ call, result: await jobs[job](argument) });
    } catch (error) {
      process.send({ call, error: error.stack });
    }
  });
  process.on('disconnect', () => process.exit());
}
