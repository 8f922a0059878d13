// Which cores a process may use: a gateway under test has one to itself, so that its limit is what is measured.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Cores for the gateway and for everything else, as taskset takes them; null where processes cannot be pinned. */
export const PINNED = pinned();

/** Cores this machine gives us. */
export const CORES = availableParallelism();

function pinned() {
  const allowed = allowedCpus();
  if (allowed.length < 2 || spawnSync('taskset', ['--version']).status !== 0) return null;
  const [gateway, ...others] = allowed;
  return { gateway: String(gateway), load: others.join(',') };
}

function allowedCpus() {
  let status;
  try {
    status = readFileSync('/proc/self/status', 'utf8');
  } catch {
    return [];
  }
  const [, list = ''] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(status) ?? [];
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
