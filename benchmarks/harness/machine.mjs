// What the numbers were taken on.
import { cpus } from 'node:os';
import { CORES, PINNED } from './cpus.mjs';
import { opensslVersion } from './openssl-speed.mjs';
import { HAS_WRK } from './wrk.mjs';

/** One line: processor, cores, runtime, tools, date. */
export function machineLine() {
  const parts = [
    cpus()[0]?.model.trim() ?? 'unknown processor',
    `${CORES} cores${PINNED === null ? ', processes not pinned' : ''}`,
    `Node ${process.versions.node}`,
    opensslVersion() ?? 'no openssl',
    HAS_WRK ? 'wrk' : 'own load generator',
    new Date().toISOString().slice(0, 10),
  ];
  return parts.join(' · ');
}
