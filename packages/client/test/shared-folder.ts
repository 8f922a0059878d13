import { existsSync, readFileSync } from 'node:fs';
import { test } from 'vitest';

/** Traffic recorded from NOMYO's own clients lies in a folder beside the checkout, not in it. */
const FOLDER = new URL('../../../../shared/vectors/nomyo/', import.meta.url);

/**
 * Runs `tests` over recorded files. Where the folder is missing, a test that says so takes their place.
 * @param names files without their extension
 */
export function withRecordings(names: readonly string[], tests: (...recordings: unknown[]) => void): void {
  if (existsSync(FOLDER)) {
    tests(...names.map((name): unknown => JSON.parse(readFileSync(new URL(`${name}.json`, FOLDER), 'utf8'))));
    return;
  }
  test(`${names.join(', ')} (not there: skipped)`, () => {
    process.stdout.write('skipped: the recordings of NOMYO clients are not beside this checkout\n');
  });
}
