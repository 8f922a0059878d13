import { createPrivateKey, createPublicKey } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { scratchFolder } from './scratch-folder.ts';
import { type RunningRouter, runSotto, startSotto } from './sotto.ts';

const folder = scratchFolder();

describe('sotto', () => {
  test('tells its commands and its version, and ends with 2 where it is called wrongly', async () => {
    expect((await runSotto(['--help'])).stdout).toMatch(/serve[\s\S]+chat[\s\S]+keys[\s\S]+init/);
    expect((await runSotto(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(await runSotto(['sing'])).toMatchObject({ code: 2, stdout: '' });
    expect((await runSotto(['help', 'serve'])).stdout).toContain('--workers N');
  });
});

describe('sotto keys', () => {
  test('makes an RSA-4096 pair under a password that only its owner may read, and inspect tells the same', async () => {
    const dir = join(folder, 'keys');
    const environment = { KEY_PASSWORD: 'correct horse' };
    const password = ['--password-env', 'KEY_PASSWORD'];
    const made = await runSotto(['keys', 'generate', '--dir', dir, ...password, '--json'], { environment });
    expect(made.code).toBe(0);
    const told = JSON.parse(made.stdout) as { private_key: string; public_key: string; fingerprint: string };
    expect(statSync(told.private_key).mode & 0o777).toBe(0o600);
    const pem = readFileSync(told.private_key, 'utf8');
    expect(
      createPublicKey(createPrivateKey({ key: pem, passphrase: 'correct horse' })).equals(
        createPublicKey(readFileSync(told.public_key)),
      ),
    ).toBe(true);

    const inspected = await runSotto(['keys', 'inspect', told.private_key, ...password, '--json'], { environment });
    expect(JSON.parse(inspected.stdout)).toMatchObject({
      kind: 'private',
      encrypted: true,
      bits: 4_096,
      exponent: 65_537,
      fingerprint: told.fingerprint,
    });
    expect((await runSotto(['keys', 'inspect', told.public_key])).stdout).toContain(told.fingerprint);

    const again = await runSotto(['keys', 'generate', '--dir', dir]);
    expect(again.code).toBe(2);
    expect(readFileSync(told.private_key, 'utf8')).toBe(pem);
    const wrong = await runSotto(['keys', 'inspect', told.private_key, ...password], {
      environment: { KEY_PASSWORD: 'wrong' },
    });
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
  });
});

describe('a configuration of sotto init', () => {
  let router: RunningRouter;
  let apiKey: string;

  beforeAll(async () => {
    const path = join(folder, 'sotto.config.yaml');
    const written = await runSotto(['init', path, '--json']);
    apiKey = (JSON.parse(written.stdout) as { api_key: string }).api_key;
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect((await runSotto(['init', path])).code).toBe(2);
    router = await startSotto(['--config', path, '--listen', '127.0.0.1:0']);
  });
  afterAll(async () => {
    expect(await router.stop()).toBe(0);
  });

  const chat = (args: readonly string[], input?: string, key = apiKey) =>
    runSotto(['chat', '--router', router.url, ...args], {
      environment: { SOTTO_API_KEY: key },
      ...(input === undefined ? {} : { input }),
    });

  test('serves: one question on the command line gets its answer, sealed at tier maximum', async () => {
    const outcome = await chat(['What is the capital of France?', '--temperature', '0', '--tier', 'maximum', '--json']);
    expect(outcome.stderr).toBe('');
    const answer = JSON.parse(outcome.stdout) as Record<string, unknown>;
    expect(JSON.stringify(answer['choices'])).toContain('Paris');
    expect(answer['_metadata']).toMatchObject({ is_encrypted: true });
  });

  test('serves: a conversation comes through a pipe, answers on one side and words to the person on the other', async () => {
    const outcome = await chat(
      ['--max-tokens', '16', '--temperature', '0'],
      'What is the capital of France?\n\nThank you\n/exit\nnot asked\n',
    );
    expect(outcome.code).toBe(0);
    expect(outcome.stdout).toContain('Paris');
    expect(outcome.stdout).not.toContain('>');
    expect(outcome.stderr).toContain('Talking to sotto-tiny');
  });

  test('refuses a stranger, and sotto chat says so', async () => {
    const outcome = await chat(['hello', '--json'], undefined, 'sotto_stranger');
    expect(outcome.code).toBe(1);
    expect(JSON.parse(outcome.stderr)).toMatchObject({ error: { code: 'invalid_api_key' } });
  });

  test('is not believed with another key than the pinned one', async () => {
    const outcome = await chat(['hello', '--json', '--pin', '0'.repeat(64), '--model', 'sotto-tiny']);
    expect(outcome.code).toBe(1);
    expect(JSON.parse(outcome.stderr)).toMatchObject({ error: { code: 'key_mismatch' } });
  });
});
