import { spawnSync } from 'node:child_process';
import { test } from 'vitest';

const PROMTOOL = 'promtool';

/** Whether Prometheus' own checker is there. */
const isThere = spawnSync(PROMTOOL, ['--version']).status === 0;

/** Has promtool check something. @returns what it complained of; empty where it found nothing */
export function promtool(args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(PROMTOOL, args, { input, encoding: 'utf8', timeout: 20_000 });
  return status === 0 ? '' : `${stdout}${stderr}`;
}

/** A test that needs promtool. Where there is none, one that says so takes its place. */
export function testWithPromtool(name: string, run: () => Promise<void> | void): void {
  if (isThere) {
    test(name, run);
    return;
  }
  test(`${name} (no promtool: skipped)`, () => {
    process.stdout.write('skipped: promtool is not there; it comes with the package prometheus\n');
  });
}
