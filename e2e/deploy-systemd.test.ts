import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '@sotto/router';
import { beforeAll, describe, expect, test } from 'vitest';
import { SOTTO } from './dist.ts';
import { scratchFolder } from './scratch-folder.ts';
import { withProgram } from './with-program.ts';

const folder = fileURLToPath(new URL('../deploy/systemd/', import.meta.url));
const unit = readFileSync(join(folder, 'sotto.service'), 'utf8');

/** All values of a setting of the unit. */
function settings(name: string): readonly string[] {
  return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);
}

describe('the system service', () => {
  test('starts the router with a configuration that it accepts, whose secrets it is shown', async () => {
    const [start = ''] = settings('ExecStart');
    expect(start).toContain('serve --config /etc/sotto/sotto.config.yaml');
    await expect(loadConfig({ file: join(folder, 'sotto.config.yaml') })).resolves.toMatchObject({ auth: 'keys' });
    const text = readFileSync(join(folder, 'sotto.config.yaml'), 'utf8');
    const read = [...text.matchAll(/\/run\/credentials\/sotto\.service\/([\w.-]+)/g)].map(([, name = '']) => name);
    expect(read.length).toBeGreaterThan(0);
    expect(settings('LoadCredential').map((each) => each.split(':')[0])).toEqual(read);
  });

  test('writes nowhere but to its own folder, where the database is', async () => {
    expect(settings('ProtectSystem')).toEqual(['strict']);
    const { storage } = await loadConfig({ file: join(folder, 'sotto.config.yaml') });
    expect(storage).toContain(`/var/lib/${settings('StateDirectory')[0]}/`);
  });

  test('is given longer to end than the router takes', async () => {
    const { shutdownGraceSeconds } = await loadConfig({ file: join(folder, 'sotto.config.yaml') });
    expect(Number(settings('TimeoutStopSec')[0])).toBeGreaterThan(shutdownGraceSeconds);
  });
});

withProgram(['systemd-analyze', '--version'], 'the system service, as systemd sees it', () => {
  const path = join(scratchFolder(), 'sotto.service');

  beforeAll(() => {
    // systemd looks for the programs too: those of this machine take their place.
    const here = unit.replace('/usr/bin/node /opt/sotto/dist/main.js', `${process.execPath} ${SOTTO}`);
    writeFileSync(path, here);
  });

  test('has no setting that it does not know', () => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
    expect([status, stdout, stderr]).toEqual([0, '', '']);
  });

  test('exposes 1.5 of 10 at most', () => {
    const args = ['security', '--offline=true', '--threshold=15', '--no-pager', path];
    const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
    expect(status, stdout + stderr).toBe(0);
  });
});
