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
