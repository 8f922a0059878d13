import type { Log } from './log.ts';

let warned = false;

/** Says once a process, to the first logger that listens, what nomyo-v1 cannot give. */
export function warnOfNomyoV1(log: Log): void {
  if (warned || !log.enabled('warn')) return;
  warned = true;
  log.warn(
    'nomyo-v1 has no forward secrecy and cannot stream: whoever records it and later gets a private key reads it all',
    { protocol: 'nomyo-v1' },
  );
}
