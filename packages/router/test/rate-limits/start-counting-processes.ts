import { type ChildProcess, fork } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'tsup';
import type { LimitTask } from './limit-task.ts';

/** Processes that count together. */
export interface CountingProcesses {
  /** Has each process make the task's calls at once. @returns how many were let in, all together */
  run(task: LimitTask): Promise<number>;
  close(): Promise<void>;
}

/** Beside the dependencies, so that Node finds them from there; each run has its own. */
const FOLDER = fileURLToPath(new URL(`../../node_modules/.cache/counting-processes-${process.pid}/`, import.meta.url));

/** Starts a primary process with `count` workers; Node runs no TypeScript, so it is built first. */
export async function startCountingProcesses(count: number): Promise<CountingProcesses> {
  await build({
    entry: { 'counting-processes': fileURLToPath(new URL('./counting-processes.ts', import.meta.url)) },
    outDir: FOLDER,
    outExtension: () => ({ js: '.mjs' }),
    format: 'esm',
    target: 'node20',
    config: false,
    silent: true,
    external: ['rate-limiter-flexible', 'zod'],
    noExternal: [/^@sotto\//],
    esbuildOptions: (options) => {
      options.conditions = ['@sotto/source'];
    },
  });
  const primary = fork(`${FOLDER}counting-processes.mjs`, [String(count)]);
  await nextMessage(primary);
  return {
    run: async (task) => {
      const answer = nextMessage(primary);
      primary.send({ task });
      return Number((await answer)['admitted']);
    },
    close: async () => {
      const exit = new Promise((resolve) => primary.once('exit', resolve));
      primary.disconnect();
      await exit;
      await rm(FOLDER, { recursive: true, force: true });
    },
  };
}

function nextMessage(primary: ChildProcess): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const ended = (): void => reject(new Error('the counting processes ended'));
    primary.once('exit', ended);
    primary.once('message', (message: unknown) => {
      primary.off('exit', ended);
      resolve(message as Record<string, unknown>);
    });
  });
}
