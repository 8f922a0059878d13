// Everything that must hold: installs, builds, checks and tests, then counts. `npm test -- --quick` leaves the checks out.
import { mkdirSync, readFileSync } from 'node:fs';
import { installDebianPackages } from './debian-packages.mjs';
import { installAndBuild, pnpm } from './pnpm.mjs';

/** Each is a claim, and counts as one test. */
const CHECKS = [
  ['the code is formatted and follows the naming rules', ['exec', 'biome', 'check', '.']],
  ['no promise floats and no unsafe value passes', ['exec', 'eslint', '.']],
  ['packages import only what is below them', ['exec', 'depcruise', 'packages', '--config', '.dependency-cruiser.cjs']],
  ['nothing is declared that nobody uses', ['exec', 'knip']],
  ['every package type-checks, the neutral ones without Node', ['typecheck']],
  ['what ships resolves from ESM and CJS', ['check:packages']],
];

installDebianPackages();
installAndBuild();

let passed = 0;
let failed = 0;
if (!process.argv.includes('--quick')) {
  for (const [claim, args] of CHECKS) {
    console.log(`\n> ${claim}`);
    const held = pnpm(args) === 0;
    if (held) passed++;
    else failed++;
    console.log(held ? `ok: ${claim}` : `FAILED: ${claim}`);
  }
}

console.log('\n> tests');
mkdirSync(new URL('../test-results', import.meta.url), { recursive: true });
const code = pnpm([
  'exec',
  'vitest',
  'run',
  '--reporter=default',
  '--reporter=json',
  '--outputFile.json=test-results/vitest.json',
]);
const results = JSON.parse(readFileSync(new URL('../test-results/vitest.json', import.meta.url), 'utf8'));
passed += results.numPassedTests;
failed += results.numFailedTests;
// A file that could not even be loaded has no test to fail.
if (code !== 0 && results.numFailedTests === 0) failed += Math.max(results.numFailedTestSuites, 1);

console.log(`\n${passed} passed, ${failed} failed, ${results.numPendingTests} skipped`);
process.exit(failed === 0 ? 0 : 1);
