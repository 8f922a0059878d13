import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { keysCommand } from '../../src/commands/keys.ts';
import { surroundings } from '../fake-terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'sotto-keys-'));
afterAll(() => rmSync(folder, { recursive: true }));

const pair = generateKeyPairSync('rsa', { modulusLength: 2_048 });
const files = {
  plain: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }),
  sealed: pair.privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }),
  public: pair.publicKey.export({ type: 'spki', format: 'pem' }),
  curve: generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }),
  text: 'not a key',
};
function pathOf(name: keyof typeof files): string {
  return join(folder, `${name}.pem`);
}
for (const [name, content] of Object.entries(files))
  writeFileSync(join(folder, `${name}.pem`), content, { mode: 0o600 });

async function inspect(
  name: keyof typeof files,
  more: string[] = [],
  environment = {},
): Promise<Record<string, unknown>> {
  const { context, printed } = surroundings(environment);
  await keysCommand.run(['inspect', pathOf(name), '--json', ...more], context);
  expect(printed.join('')).not.toContain('KEY-----');
  return JSON.parse(printed.join('')) as Record<string, unknown>;
}

describe('sotto keys inspect', () => {
  test('tells the same fingerprint of both halves of a pair, and what kind each is', async () => {
    const [plain, sealed, shown] = [
      await inspect('plain'),
      await inspect('sealed', ['--password-env', 'PW'], { PW: 'secret' }),
      await inspect('public'),
    ];
    expect(plain).toMatchObject({ kind: 'private', encrypted: false, bits: 2_048, exponent: 65_537 });
    expect(sealed).toMatchObject({ kind: 'private', encrypted: true });
    expect(shown).toMatchObject({ kind: 'public' });
    expect(new Set([plain, sealed, shown].map(({ fingerprint }) => fingerprint)).size).toBe(1);
  });

  test.each([
    ['an encrypted key without a password', 'sealed', {}, [], '--password-env'],
    ['an encrypted key with a wrong one', 'sealed', { PW: 'wrong' }, ['--password-env', 'PW'], 'right password'],
    ['a password variable that is not set', 'sealed', {}, ['--password-env', 'PW'], 'PW is not set'],
    ['a key of a kind that nothing here uses', 'curve', {}, [], 'neither RSA nor Ed25519'],
    ['a file that is no key', 'text', {}, [], 'not a key file'],
  ] as const)('refuses %s', async (_what, name, environment, more, words) => {
    await expect(inspect(name, [...more], environment)).rejects.toThrow(words);
  });
});

describe('sotto keys', () => {
  test.each([[[]], [['sing']], [['inspect']], [['inspect', 'a', 'b']], [['generate', 'a']]])(
    '%j is called wrongly',
    async (args) => {
      await expect(keysCommand.run(args, surroundings().context)).rejects.toMatchObject({ name: 'UsageError' });
    },
  );

  test('generate keeps a key that is there', async () => {
    writeFileSync(join(folder, 'private_key.pem'), files.plain);
    const { context } = surroundings();
    await expect(keysCommand.run(['generate', '--dir', folder], context)).rejects.toThrow('--force overwrites it');
  });
});
