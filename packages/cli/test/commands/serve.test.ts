import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { serveCommand } from '../../src/commands/serve.ts';
import { surroundings } from '../fake-terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'sotto-serve-'));
afterAll(() => rmSync(folder, { recursive: true }));

const path = join(folder, 'sotto.json');
writeFileSync(path, JSON.stringify({ auth: 'open', protocols: ['clear'] }));
const args = ['--config', path, '--upstream', 'http://127.0.0.1:9/v1', '--port', '0'];

test('says in words where it listens, for which tiers, and that everybody may come; then ends when asked', async () => {
  const { context, said, printed, interrupt } = surroundings();
  const ended = serveCommand.run(args, context);
  await vi.waitFor(() => expect(said).toHaveLength(1));
  expect(said[0]).toMatch(/^Sotto router on http:\/\/127\.0\.0\.1:\d+\n/);
  expect(said[0]).toContain('upstream default (openai), fit for tier standard');
  expect(said[0]).toContain('protocols clear');
  expect(said[0]).toContain('auth is open');
  interrupt();
  expect(await ended).toBe(0);
  expect(said.at(-1)).toBe('Stopped.');
  expect(printed).toEqual([]);
});

test('with --json says the same as one object a line on standard output', async () => {
  const { context, said, printed, interrupt } = surroundings();
  const ended = serveCommand.run([...args, '--json'], context);
  await vi.waitFor(() => expect(printed).toHaveLength(1));
  interrupt();
  await ended;
  expect(printed.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual([
    'listening',
    'shutting_down',
    'stopped',
  ]);
  expect(said).toEqual([]);
});

test.each([
  [['--workers', '0'], '--workers takes a whole number'],
  [['--port', '70000'], '--port takes a whole number'],
  [['extra'], 'takes no argument extra'],
  [['--upstreem', 'x'], '--upstreem'],
])('%j is called wrongly', async (wrong, words) => {
  const outcome = serveCommand.run(wrong, surroundings().context);
  await expect(outcome).rejects.toMatchObject({
    name: 'UsageError',
    message: expect.stringContaining(words) as string,
  });
});

test.each<[string, Record<string, string>]>([
  ['an admin key', { SOTTO_ADMIN_KEY: 'an-admin-key-of-enough-characters' }],
  ['API keys', { SOTTO_KEYS: '[{"name":"a","key":"sotto_key"}]' }],
])('%s in the environment does not leave the door open', async (_, environment) => {
  const { context, printed, interrupt } = surroundings({ ...environment, SOTTO_PROTOCOLS: 'clear' });
  const ended = serveCommand.run(['--upstream', 'http://127.0.0.1:9/v1', '--port', '0', '--json'], context);
  await vi.waitFor(() => expect(printed).toHaveLength(1));
  interrupt();
  await ended;
  expect(JSON.parse(printed[0] ?? '')).toMatchObject({ event: 'listening', auth: 'keys' });
});

test('an address in the environment that others reach is not served to everybody unasked', async () => {
  const args = ['--upstream', 'http://127.0.0.1:9/v1', '--check'];
  const { context } = surroundings({ SOTTO_LISTEN: '0.0.0.0:0' });
  await expect(serveCommand.run(args, context)).rejects.toMatchObject({ code: 'invalid_config' });
  const asked = surroundings({ SOTTO_LISTEN: '0.0.0.0:0', SOTTO_AUTH: 'open' });
  expect(await serveCommand.run(args, asked.context)).toBe(0);
  expect(await serveCommand.run(args, surroundings({ SOTTO_LISTEN: '[::1]:0' }).context)).toBe(0);
});

test('a key variable that is not set stops the start', async () => {
  const { context } = surroundings({});
  const outcome = serveCommand.run(['--upstream', 'http://127.0.0.1:9/v1', '--api-key-env', 'NO_KEY'], context);
  await expect(outcome).rejects.toMatchObject({ code: 'invalid_config' });
});

test.each([
  ['a key that is missing', {}, 'upstreams: '],
  ['a key that there is not', { reddis: 'redis://x' }, 'there is no key reddis'],
  ['nobody who may call', { upstreams: [{ name: 'a', baseUrl: 'http://a/v1' }] }, 'keys: no API key is defined'],
  [
    'tier maximum for a machine elsewhere',
    { auth: 'open', upstreams: [{ name: 'a', baseUrl: 'https://a.example/v1', tier: 'maximum' }] },
    'upstreams.0.tier: ',
  ],
])('a configuration with %s stops the start, and the error names the key', async (_what, config, words) => {
  const wrong = join(folder, 'wrong.json');
  writeFileSync(wrong, JSON.stringify(config));
  const outcome = serveCommand.run(['--config', wrong], surroundings().context);
  const message = expect.stringContaining(words) as string;
  await expect(outcome).rejects.toMatchObject({ code: 'invalid_config', message });
});

test('--check says that a configuration is good, and serves nothing', async () => {
  const { context, said, printed } = surroundings();
  expect(await serveCommand.run([...args, '--check', '--json'], context)).toBe(0);
  expect(printed.map((line) => JSON.parse(line) as unknown)).toMatchObject([{ event: 'config_valid', file: path }]);
  expect(said).toEqual([]);
});

test.each([
  ['the variable of an API key', { keys: [{ name: 'a', keyEnv: 'NO_KEY' }] }],
  ['the file of the admin key', { auth: 'open', admin: { keyFile: join(folder, 'none') } }],
  ['a certificate', { auth: 'open', tls: { certFile: path, keyFile: path } }],
  ['the key of a model server', { auth: 'open', upstreams: [{ name: 'a', baseUrl: 'http://x/v1', apiKeyEnv: 'NO' }] }],
  ['the identity', { auth: 'open', identity: { keyFile: path } }],
  ['the RSA key', { auth: 'open', protocols: ['nomyo-v1'], nomyoV1: { keyFile: path } }],
  ['the storage key', { auth: 'open', storage: 'sqlite:x.db', storageKey: { keyEnv: 'NO_KEY' } }],
])('--check finds %s missing or no good', async (_what, config) => {
  const file = join(folder, 'wrong.json');
  writeFileSync(
    file,
    JSON.stringify({ protocols: ['clear'], upstreams: [{ name: 'a', baseUrl: 'http://x/v1' }], ...config }),
  );
  const outcome = serveCommand.run(['--config', file, '--check'], surroundings().context);
  await expect(outcome).rejects.toMatchObject({ name: 'ConfigurationError' });
});

test('a file that holds a key and that others may read is warned of', async () => {
  const file = join(folder, 'shared.json');
  writeFileSync(file, JSON.stringify({ keys: [{ name: 'a', key: 'sotto_s3cret' }], protocols: ['clear'] }), {
    mode: 0o644,
  });
  const { context, printed } = surroundings();
  await serveCommand.run(['--config', file, '--upstream', 'http://127.0.0.1:9/v1', '--check', '--json'], context);
  const events = printed.map((line) => (JSON.parse(line) as { event: string }).event);
  expect(events).toEqual(['config_warning', 'config_valid']);
  expect(printed.join('')).not.toContain('s3cret');
});

test('without --json a model server that does not answer is told in words, beside the line in the log', async () => {
  const { context, said, logged, interrupt } = surroundings();
  const file = join(folder, 'away.json');
  const upstreams = [{ name: 'gone', baseUrl: 'http://127.0.0.1:9/v1', models: ['m'], probe: { intervalMs: 100 } }];
  writeFileSync(file, JSON.stringify({ auth: 'open', protocols: ['clear'], listen: '127.0.0.1:0', upstreams }));
  const ended = serveCommand.run(['--config', file], context);
  await vi.waitFor(() => expect(said.join('\n')).toContain('Model server gone does not answer'), 5_000);
  const lines = logged.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toContainEqual(expect.objectContaining({ level: 'warn', event: 'upstream_down', upstream: 'gone' }));
  interrupt();
  expect(await ended).toBe(0);
});

test('what fails inside is a line of level error', async () => {
  const { context, printed } = surroundings();
  const file = join(folder, 'no-database.json');
  const storageKey = { key: Buffer.alloc(32, 7).toString('base64') };
  const storage = { storage: 'postgres://nobody@127.0.0.1:9/none', storageKey, storageWaitSeconds: 1 };
  writeFileSync(file, JSON.stringify({ auth: 'open', protocols: ['clear'], ...storage }), { mode: 0o600 });
  const args = ['--config', file, '--upstream', 'http://127.0.0.1:9/v1', '--port', '0', '--json'];
  await expect(serveCommand.run(args, context)).rejects.toMatchObject({ code: 'invalid_config' });
  const lines = printed.map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines).toContainEqual(expect.objectContaining({ level: 'error', event: 'internal_error' }));
});

test('a start that takes long says so in words, before it ends', async () => {
  const { context, said } = surroundings();
  const file = join(folder, 'waiting.json');
  const absent = { storage: 'postgres://sotto@127.0.0.1:1/sotto', storageWaitSeconds: 4 };
  writeFileSync(
    file,
    JSON.stringify({ ...absent, storageKey: { keyEnv: 'STORAGE_KEY' }, auth: 'open', protocols: ['clear'] }),
  );
  const environment = { STORAGE_KEY: Buffer.alloc(32, 1).toString('base64') };
  const started = serveCommand.run(['--config', file, '--upstream', 'http://127.0.0.1:9/v1', '--port', '0'], {
    ...context,
    environment,
  });
  await expect(started).rejects.toMatchObject({ code: 'invalid_config' });
  expect(said.filter((words) => words.startsWith('Starting'))).toHaveLength(1);
});
