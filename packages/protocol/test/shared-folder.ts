import { existsSync, readFileSync } from 'node:fs';
import { test } from 'vitest';

/** Published test vectors live in a folder beside the checkout, not in it. */
const FOLDER = new URL('../../../../shared/vectors/', import.meta.url);

/**
 * Runs `tests` over a file of published vectors. Where the folder is missing, a test that says so takes their place.
 * @param path relative to the folder of vectors
 */
export function withSharedVectors<T>(path: string, tests: (vectors: T) => void): void {
  const file = new URL(path, FOLDER);
  if (existsSync(file)) {
    tests(JSON.parse(readFileSync(file, 'utf8')) as T);
    return;
  }
  test(`${path} (not there: skipped)`, () => {
    process.stdout.write(`skipped: the shared test vectors ${path} are not beside this checkout\n`);
  });
}
