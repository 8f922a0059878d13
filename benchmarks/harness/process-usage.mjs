// What a process has used, as the kernel counts it: the same for Node, for wrk, and for a gateway with workers.
import { readFileSync } from 'node:fs';

/** Clock ticks a second in /proc (proc(5), sysconf(_SC_CLK_TCK)): 100 on every Linux that Node runs on. */
const TICKS = 100;

/** @param {number} pid @returns {number} CPU seconds of a process and its children; NaN without /proc */
export function cpuSeconds(pid) {
  try {
    // The name in parentheses may hold spaces: count from behind it. Fields 14 and 15 are user and system time.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
    const own = (Number(fields[11]) + Number(fields[12])) / TICKS;
    return children(pid).reduce((sum, child) => sum + cpuSeconds(child), own);
  } catch {
    return Number.NaN;
  }
}

/** @param {number} pid @returns {number} MiB in memory, of a process and its children; NaN without /proc */
export function residentMiB(pid) {
  try {
    const [, kibibytes] = /^VmRSS:\s*(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return children(pid).reduce((sum, child) => sum + residentMiB(child), Number(kibibytes) / 1_024);
  } catch {
    return Number.NaN;
  }
}

function children(pid) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
}
