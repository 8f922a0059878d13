import cluster, { type Worker } from 'node:cluster';
import { closeHandedConnections } from './handed-connections.ts';

/** Told what becomes of a worker's process. */
export interface ForkListener {
  /** There is none, for a reason of the system's: `EAGAIN`, `EMFILE`. Nothing else is told then. */
  onFailure(code: string): void;
  onMessage(worker: Worker, message: unknown): void;
  onExit(worker: Worker): void;
}

/**
 * Makes a worker's process. A machine without room for it is no reason to end: the other workers go on.
 * @returns null where there is none
 */
export function forkWorker(listener: ForkListener): Worker | null {
  let worker: Worker;
  try {
    worker = cluster.fork();
  } catch (error) {
    listener.onFailure(codeOf(error));
    return null;
  }
  const isMade = worker.process.pid !== undefined;
  if (isMade) closeHandedConnections(worker.process);
  worker.on('message', (message: unknown) => listener.onMessage(worker, message));
  worker.once('exit', () => listener.onExit(worker));
  // Without a listener it would end this process too.
  worker.on('error', (error: unknown) => {
    if (!isMade) listener.onFailure(codeOf(error));
  });
  return isMade ? worker : null;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
}
