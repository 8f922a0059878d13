import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll } from 'vitest';

/** Beside the dependencies, so that Node finds what was built of our packages from there. */
const FOLDER = fileURLToPath(new URL(`../node_modules/.cache/attested-${process.pid}/`, import.meta.url));

/**
 * Builds a program of this folder, for Node runs no TypeScript; the packages it imports are those that a consumer gets.
 * @returns its path, for the length of a test file
 */
export async function builtProgram(name: string): Promise<string> {
  const outfile = `${FOLDER}${name}.mjs`;
  await build({
    entryPoints: [fileURLToPath(new URL(`${name}.ts`, import.meta.url))],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'error',
  });
  return outfile;
}

/** Takes away what was built, once the tests of a file are over. */
export function removeBuiltPrograms(): void {
  afterAll(() => rmSync(FOLDER, { recursive: true, force: true }));
}
