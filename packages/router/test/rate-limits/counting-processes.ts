// Run by Node itself: a primary process that starts workers, gives each the task it is sent, and adds up the answers.
import cluster, { type Worker } from 'node:cluster';
import { type RateLimiterAbstract, RateLimiterClusterMaster } from 'rate-limiter-flexible';
import { clusterLimiters } from '../../src/rate-limits/cluster-limiters.ts';
import type { LimiterFactory } from '../../src/rate-limits/limiter-factory.ts';
import { type LimitTask, runLimitTask } from './limit-task.ts';

/** What is sent to a process before it says so is lost. */
const LISTENING = 'listening';

function isTask(message: unknown): message is { readonly task: LimitTask } {
  return typeof message === 'object' && message !== null && 'task' in message;
}

function isAdmitted(message: unknown): message is { readonly admitted: number } {
  return typeof message === 'object' && message !== null && 'admitted' in message;
}

function answerOf(worker: Worker): Promise<number> {
  return new Promise((resolve) => {
    const listener = (message: unknown): void => {
      if (!isAdmitted(message)) return;
      worker.off('message', listener);
      resolve(message.admitted);
    };
    worker.on('message', listener);
  });
}

if (cluster.isPrimary) {
  new RateLimiterClusterMaster();
  const workers = Array.from({ length: Number(process.argv[2]) }, () => cluster.fork());
  process.on('message', (message: unknown) => {
    if (!isTask(message)) return;
    const answers = workers.map(answerOf);
    for (const worker of workers) worker.send(message);
    void Promise.all(answers).then((admitted) => process.send?.({ admitted: admitted.reduce((a, b) => a + b, 0) }));
  });
  // A worker that ends would be waited for: so does the primary, and the test hears of that.
  cluster.on('exit', () => process.exit(1));
  let listening = 0;
  cluster.on('message', (_worker, message: unknown) => {
    if (message !== LISTENING) return;
    listening++;
    if (listening === workers.length) process.send?.(LISTENING);
  });
} else {
  const made = new Map<string, RateLimiterAbstract>();
  const makeLimiter: LimiterFactory = (kind) => {
    const limiter = made.get(kind.keyPrefix) ?? clusterLimiters(kind);
    made.set(kind.keyPrefix, limiter);
    return limiter;
  };
  process.on('message', (message: unknown) => {
    if (isTask(message)) void runLimitTask(makeLimiter, message.task).then((admitted) => process.send?.({ admitted }));
  });
  process.send?.(LISTENING);
}
process.on('disconnect', () => process.exit(0));
