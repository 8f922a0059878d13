// Finds the pnpm that package.json names, or has npm bring it: a fresh machine has Node and npm only.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const root = new URL('..', import.meta.url);
const { packageManager } = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
const version = /^pnpm@([\d.]+)/.exec(packageManager)?.[1] ?? '';

function installed() {
  // Elsewhere than in the project: there pnpm itself would switch or refuse.
  const found = spawnSync('pnpm', ['--version'], { encoding: 'utf8', cwd: '/' });
  return found.status === 0 && found.stdout.trim() === version;
}

const command = installed() ? ['pnpm'] : ['npx', '--yes', `pnpm@${version}`];

/**
 * Runs pnpm in the project.
 * @returns {number} its exit code
 */
export function pnpm(args, options = {}) {
  const [program, ...first] = command;
  const { status } = spawnSync(program, [...first, ...args], { cwd: root, stdio: 'inherit', ...options });
  return status ?? 1;
}

/** Installs what the lockfile says and builds every package; ends the process where that fails. */
export function installAndBuild() {
  const quiet = { env: { ...process.env, CI: 'true' } };
  for (const args of [['install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=error'], ['build']]) {
    console.log(`\n> pnpm ${args[0]}`);
    const code = pnpm(args, quiet);
    if (code !== 0) {
      console.error(`pnpm ${args[0]} failed`);
      process.exit(code);
    }
  }
}
