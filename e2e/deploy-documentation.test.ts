import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  POSTGRES_PASSWORD,
  type PostgresServer,
  startPostgres,
} from '../packages/router/test/storage/postgres-server.ts';
import { SOTTO } from './dist.ts';
import { freePort } from './free-port.ts';
import { scratchFolder } from './scratch-folder.ts';
import { type ShellBlock, shellBlocks } from './shell-blocks.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const blocks = shellBlocks(readFileSync(join(root, 'docs/deployment.md'), 'utf8'));

function isHere(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** What this machine can run; what it cannot is said aloud. */
function runnable(): readonly ShellBlock[] {
  return blocks.filter(({ notRun, needs, section }) => {
    if (notRun !== null) return false;
    if (needs === null || isHere(needs)) return true;
    process.stdout.write(`skipped: the commands of "${section}", for ${needs} is not on this machine\n`);
    return false;
  });
}

describe('the commands of docs/deployment.md', () => {
  const folder = scratchFolder();
  const here = runnable();
  let postgres: PostgresServer | null = null;

  beforeAll(async () => {
    cpSync(join(root, 'deploy'), join(folder, 'deploy'), { recursive: true });
    mkdirSync(join(folder, 'bin'));
    // As `npx sotto` is where the package is installed.
    writeFileSync(join(folder, 'bin/npx'), `#!/bin/sh\nshift\nexec '${process.execPath}' '${SOTTO}' "$@"\n`);
    chmodSync(join(folder, 'bin/npx'), 0o755);
    if (here.some(({ needs }) => needs === 'psql')) postgres = await startPostgres();
  });
  afterAll(() => postgres?.close());

  test('run one after the other, each to a good end', { timeout: 120_000 }, async () => {
    const port = String(await freePort());
    // One shell for all of them, as a reader has it.
    const script = here.map(({ commands }, index) => `echo '# block ${index}'\n${commands}`).join('\n');
    const path = join(folder, 'commands.sh');
    writeFileSync(path, `trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n${script.replaceAll('12434', port)}\n`);
    const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', path], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      encoding: 'utf8',
      timeout: 110_000,
      env: {
        PATH: `${join(folder, 'bin')}:${process.env['PATH']}`,
        HOME: folder,
        SOTTO_LISTEN: `127.0.0.1:${port}`,
        PGHOST: '127.0.0.1',
        PGPORT: String(postgres?.port ?? 0),
        PGUSER: 'sotto',
        PGPASSWORD: POSTGRES_PASSWORD,
        PGDATABASE: 'postgres',
      },
    });
    expect(status, stdout + stderr).toBe(0);
    for (const index of here.keys()) expect(stdout).toContain(`# block ${index}\n`);
    expect(stdout).toContain('Paris');
    expect(here.length).toBeGreaterThan(2);
  });

  test('are left out only with a reason, and not many of them', () => {
    const left = blocks.filter(({ notRun }) => notRun !== null);
    for (const { notRun } of left) expect(notRun).toMatch(/^it needs (a container engine|a cluster|systemd)/);
    expect(left.length).toBeLessThan(blocks.length / 2);
  });
});
