// Packs every package as it would be published, and checks what a consumer gets.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pnpm } from './pnpm.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'sotto-pack-'));

function run(program, args) {
  return spawnSync(join(root, 'node_modules/.bin', program), args, { cwd: root, stdio: 'inherit' }).status === 0;
}

let failures = 0;
try {
  for (const name of readdirSync(join(root, 'packages'))) {
    const manifestPath = join(root, 'packages', name, 'package.json');
    if (!existsSync(manifestPath)) continue;
    const manifest = JSON.parse(readFileSync(manifestPath, 'utf8'));
    console.log(`\n${manifest.name}`);
    const before = new Set(readdirSync(folder));
    if (pnpm(['--filter', manifest.name, 'pack', '--pack-destination', folder], { stdio: 'ignore' }) !== 0) {
      console.error('  cannot be packed');
      failures++;
      continue;
    }
    const tarball = join(folder, readdirSync(folder).find((file) => !before.has(file)) ?? '');
    if (!run('publint', ['run', tarball, '--strict'])) failures++;
    // A package without types to resolve (the CLI) has nothing for attw to look at.
    if (manifest.exports['.'] === undefined) continue;
    const esmOnly = manifest.exports['.'].require === undefined && manifest.exports['.'].node?.require === undefined;
    const profile = esmOnly ? ['--profile', 'esm-only'] : ['--profile', 'node16'];
    if (!run('attw', [tarball, ...profile, '--format', 'ascii', '--no-emoji'])) failures++;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exit(failures === 0 ? 0 : 1);
