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

test('everything that is commented out is something that the router would take', async () => {
  const path = join(folder, 'whole.yaml');
  const { context } = surroundings();
  await initCommand.run([path], context);
  const text = readFileSync(path, 'utf8');
  // A key at the margin, and the lines below it that are indented.
  const keys = [...text.matchAll(/^# [A-Za-z0-9]+:.*$(?:\n# {3}.*$)*/gm)].map(([lines]) =>
    lines.replaceAll(/^# /gm, ''),
  );
  const names = keys.map((lines) => lines.split(':', 1)[0]);
  for (const name of ['aliases', 'models', 'chatbots', 'storage', 'storageKey', 'admin', 'limits', 'identity']) {
    expect(names).toContain(name);
  }
  for (const lines of keys) {
    const alone = join(folder, 'alone.yaml');
    // A database is taken with the key to it only.
    const needed = lines.startsWith('storage:') ? keys.find((other) => other.startsWith('storageKey:')) : '';
    writeFileSync(alone, `auth: open\nupstreams: [{ name: a, type: builtin }]\n${lines}\n${needed}\n`);
    await expect(loadConfig({ file: alone }), lines).resolves.toBeDefined();
  }
});

test('the file is still one that the router takes with all of that in it, and with the lines of a key and a server', async () => {
  const path = join(folder, 'uncommented.yaml');
  const { context } = surroundings();
  await initCommand.run([path], context);
  const text = readFileSync(path, 'utf8');
  const uncommented = text.replaceAll(/^( *)# ((?:- )?[A-Za-z0-9]+:.*| {2,}.*)$/gm, '$1$2');
  expect(uncommented.length).toBeLessThan(text.length - 40);
  writeFileSync(path, uncommented);
  const config = await loadConfig({ file: path });
  expect(config.storage).toBe('sqlite:./sotto.db');
  expect(config.keys[0]).toMatchObject({ models: ['sotto-*'], budget: { usd: 25, period: 'month' } });
  expect(config.upstreams.map(({ name }) => name)).toEqual(['builtin', 'vllm', 'openai']);
  expect(config.chatbots).toMatchObject([{ id: 'support' }]);
  expect(config.models['sotto-tiny']).toMatchObject({ contextTokens: 2_048, price: { outputPerMillion: 0.4 } });
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
