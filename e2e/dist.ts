import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** What `npm test` builds before it tests, and these tests run. */
const BUILT = [
  'protocol/dist/index.js',
  'client/dist/node/index.js',
  'router/dist/worker.js',
  'router/dist/admin-page/app.js',
  'cli/dist/main.js',
];

function builtFile(path: string): string {
  return fileURLToPath(new URL(`../packages/${path}`, import.meta.url));
}

/** The built command line. */
export const SOTTO = builtFile('cli/dist/main.js');

/** @throws Error that says what to run, where something is not built */
export function requireDist(): void {
  const missing = BUILT.filter((path) => !existsSync(builtFile(path)));
  if (missing.length === 0) return;
  throw new Error(`not built: packages/${missing.join(', packages/')}. Run "npm test", which builds before it tests.`);
}
