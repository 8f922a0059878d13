// Installs, builds, and shows one sealed exchange for real.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { installAndBuild } from './pnpm.mjs';

installAndBuild();
const demo = fileURLToPath(new URL('../examples/demo/main.mjs', import.meta.url));
process.exit(spawnSync(process.execPath, [demo], { stdio: 'inherit' }).status ?? 1);
