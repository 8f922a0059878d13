import { existsSync, readFileSync } from 'node:fs';
import { test } from 'vitest';

/** Traffic recorded from NOMYO's own clients lies in a folder beside the checkout, not in it. */
const FOLDER = new URL('../../shared/vectors/nomyo/', import.meta.url);

/** Runs `tests` over a recording. Where the folder is missing, a test that says so takes their place. */
export function withRecording<T>(name: string, tests: (recording: T) => void): void {
  const file = new URL(`${name}.json`, FOLDER);
  if (existsSync(file)) {
    tests(JSON.parse(readFileSync(file, 'utf8')) as T);
    return;
  }
  test(`${name} (not there: skipped)`, () => {
    process.stdout.write(`skipped: the recording ${name} is not beside this checkout\n`);
  });
}
