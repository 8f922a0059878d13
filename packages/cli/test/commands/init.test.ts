import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from '@sotto/router';
import { afterAll, expect, test } from 'vitest';
import { UsageError } from '../../src/arguments.ts';
import { initCommand } from '../../src/commands/init.ts';
import { surroundings } from '../fake-terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'sotto-init-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('the file is a configuration that the router takes, with the key that was told, for its owner alone', async () => {
  const path = join(folder, 'sotto.config.yaml');
  const { context, printed, said } = surroundings();
  expect(await initCommand.run([path, '--json'], context)).toBe(0);
  const told = JSON.parse(printed.join('')) as { path: string; api_key: string };
  const config = await loadConfig({ file: path });
  expect(config.keys).toMatchObject([{ name: 'first', key: told.api_key }]);
  expect(config.upstreams).toMatchObject([{ name: 'builtin', type: 'builtin', tier: 'maximum' }]);
  expect(told.api_key).toMatch(/^sotto_[\w-]{43}$/);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(said).toEqual([]);
});

test('every line that is commented out is one that the router would take', async () => {
  const path = join(folder, 'whole.yaml');
  const { context } = surroundings();
  await initCommand.run([path], context);
  const examples = readFileSync(path, 'utf8').matchAll(/^# ([A-Za-z0-9]+: \{.*\})$/gm);
  const keys = [...examples].map(([, line = '']) => line);
  expect(keys.length).toBeGreaterThan(2);
  for (const line of keys) {
    const alone = join(folder, 'alone.yaml');
    writeFileSync(alone, `auth: open\nupstreams: [{ name: a, type: builtin }]\n${line}\n`);
    await expect(loadConfig({ file: alone }), line).resolves.toBeDefined();
  }
});

test('a file that is there is kept, unless --force', async () => {
  const path = join(folder, 'kept.yaml');
  const { context } = surroundings();
  await initCommand.run([path], context);
  const first = readFileSync(path, 'utf8');
  await expect(initCommand.run([path], context)).rejects.toThrow('--force overwrites it');
  expect(readFileSync(path, 'utf8')).toBe(first);
  await initCommand.run([path, '--force'], context);
  expect(readFileSync(path, 'utf8')).not.toBe(first);
});

test('a file that cannot be written, and two files, are usage errors', async () => {
  const { context } = surroundings();
  await expect(initCommand.run([join(folder, 'no', 'such')], context)).rejects.toThrow(UsageError);
  await expect(initCommand.run(['a', 'b'], context)).rejects.toThrow(UsageError);
});
