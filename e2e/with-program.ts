import { spawnSync } from 'node:child_process';
import { describe, test } from 'vitest';

/**
 * Describes what needs a program of this machine. Where it is missing, a test that says so takes the place of the others.
 * @param probe the program, and arguments that it succeeds with
 */
export function withProgram(probe: readonly [string, ...string[]], name: string, tests: () => void): void {
  const [program, ...args] = probe;
  if (spawnSync(program, args, { stdio: 'ignore' }).status === 0) {
    describe(name, tests);
    return;
  }
  test(`${name} (no ${program}: skipped)`, () => {
    process.stdout.write(`skipped: ${program} is not on this machine\n`);
  });
}
