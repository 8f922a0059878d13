import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { RunningRouter } from './sotto.ts';

function childrenFile(pid: number): string {
  return `/proc/${pid}/task/${pid}/children`;
}

/** Whether this system lists the children of a process. */
export const listsProcesses = existsSync(childrenFile(process.pid));

/** The processes that a router has started and that are not over. */
export function workersOf({ pid }: { readonly pid: number }): readonly number[] {
  const text = readFileSync(childrenFile(pid), 'utf8').trim();
  return text === '' ? [] : text.split(' ').map(Number).filter(isRunning);
}

/** The workers that answered when eight requests were sent: connections are dealt out to them in turn. */
export async function servingWorkers(router: RunningRouter, ask: () => Promise<unknown>): Promise<readonly number[]> {
  const told = router.events.length;
  await Promise.allSettled(Array.from({ length: 8 }, ask));
  const lines = () => router.events.slice(told).filter(({ event }) => event === 'request');
  // They write their log a moment later, each for itself.
  await expect.poll(() => lines().length, { timeout: 20_000, interval: 20 }).toBeGreaterThanOrEqual(8);
  return [...new Set(lines().map(({ worker }) => Number(worker)))].sort((a, b) => a - b);
}

/** Whether a process is there, and not just waiting for somebody to ask what became of it. */
export function isRunning(pid: number): boolean {
  try {
    // proc(5): the state comes behind the name, which is in brackets and may hold some itself.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.at(stat.lastIndexOf(')') + 2) !== 'Z';
  } catch {
    return false;
  }
}

/** Describes what needs to know of a router's processes. Where they are not listed, a test says so in their place. */
export function describeWithProcesses(name: string, tests: () => void): void {
  if (listsProcesses) {
    describe(name, tests);
    return;
  }
  test(`${name} (this system does not list the children of a process: skipped)`, () => {
    process.stdout.write('skipped: this system does not list the children of a process\n');
  });
}
