// The machine's own measure of RSA: what `openssl speed` does with every core.
import { spawnSync } from 'node:child_process';
import { kill, run, start } from './child-process.mjs';
import { CORES } from './cpus.mjs';

/** Longer than any round; it is ended before. */
const BURN_SECONDS = 600;

/** Private RSA-4096 operations a second on all cores. Takes twice `seconds`: openssl measures public ones as well. */
export async function privateOperationsPerSecond(seconds) {
  // -elapsed: by the clock on the wall, as requests are counted, and not by user time.
  const args = ['speed', '-elapsed', '-seconds', String(seconds), '-multi', String(CORES), 'rsa4096'];
  const lines = (await run('openssl', args)).split('\n');
  // Later versions have more columns: count from the right, where the rates are.
  const header =
    lines
      .find((line) => /\bsign\/s\b/.test(line))
      ?.trim()
      .split(/\s+/) ?? [];
  const row =
    lines
      .find((line) => /^rsa\s+4096 bits/.test(line))
      ?.trim()
      .split(/\s+/) ?? [];
  const rate = Number(row.at(header.indexOf('sign/s') - header.length));
  if (!(rate > 0)) throw new Error('openssl speed printed a table of another form');
  return rate;
}

/** Keeps every core busy with RSA until the returned function is called. */
export function burnAllCores() {
  const args = ['speed', '-seconds', String(BURN_SECONDS), 'rsa4096'];
  const children = Array.from({ length: CORES }, () => start('openssl', args, { stdio: 'ignore' }));
  return () => children.forEach(kill);
}

/** `OpenSSL 3.0.19`, or null where there is none. */
export function opensslVersion() {
  const { status, stdout } = spawnSync('openssl', ['version'], { encoding: 'utf8' });
  return status === 0 ? stdout.split(' ').slice(0, 2).join(' ') : null;
}
