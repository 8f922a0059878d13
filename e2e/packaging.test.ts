import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runNode } from './sotto.ts';

/** Each entry of the packages that ship in both formats, and a name that must be there. */
const ENTRIES = [
  ['@sotto/protocol', 'SottoError'],
  ['@sotto/protocol/nomyo-v1', 'sealRequest'],
  ['@sotto/protocol/node', 'nodeCrypto'],
  ['@sotto/client', 'SecureChatCompletion'],
  ['@sotto/client/node', 'nodePlatform'],
  ['@sotto/client/web', 'webPlatform'],
] as const;

/** Where a stranger's program would stand: in a package that only declares what it uses. */
const directory = fileURLToPath(new URL('.', import.meta.url));

async function say(type: 'module' | 'commonjs', program: string): Promise<string> {
  const outcome = await runNode([`--input-type=${type}`, '-e', program], { directory });
  expect(outcome.stderr).toBe('');
  return outcome.stdout.trim();
}

test.each(ENTRIES)('%s can be imported, and what it exports is there', async (entry, name) => {
  expect(await say('module', `import { ${name} } from '${entry}'; console.log(typeof ${name});`)).toMatch(
    /^(function|object)$/,
  );
});

test.each(ENTRIES)('%s can be required, and exports the same names', async (entry) => {
  const program = `
    const { createRequire } = await import('node:module');
    const names = (entry) => Object.keys(entry).filter((name) => name !== 'default' && name !== '__esModule').sort();
    const required = names(createRequire(process.cwd() + '/x.js')('${entry}'));
    console.log(JSON.stringify(required) === JSON.stringify(names(await import('${entry}'))), required.length > 0);`;
  expect(await say('module', program)).toBe('true true');
});

test('an error of the required copy is known to the imported one, and the other way round', async () => {
  const program = `
    import { createRequire } from 'node:module';
    import * as imported from '@sotto/protocol';
    import { SottoError } from '@sotto/client';
    const required = createRequire(process.cwd() + '/x.js')('@sotto/protocol');
    const error = required.apiError('rate_limit_exceeded', 'x');
    console.log(
      error instanceof imported.RateLimitError,
      imported.RateLimitError.isInstance(error),
      SottoError.isInstance(error),
      required.RateLimitError.isInstance(imported.apiError('rate_limit_exceeded', 'x')),
      imported.AuthenticationError.isInstance(error),
    );`;
  expect(await say('module', program)).toBe('false true true true false');
});

test('the client and the protocol share one copy of each error class in either format', async () => {
  const check = `client.RateLimitError === protocol.RateLimitError`;
  const esm = `import * as client from '@sotto/client'; import * as protocol from '@sotto/protocol';`;
  const cjs = `const client = require('@sotto/client'); const protocol = require('@sotto/protocol');`;
  expect(await say('module', `${esm} console.log(${check});`)).toBe('true');
  expect(await say('commonjs', `${cjs} console.log(${check});`)).toBe('true');
});

test('the router and the command line can be imported as modules', async () => {
  const program = `
    import { createRouter } from '@sotto/router';
    import manifest from 'sotto/package.json' with { type: 'json' };
    console.log(typeof createRouter, manifest.bin.sotto);`;
  const outcome = await runNode(['--no-warnings', '--input-type=module', '-e', program], { directory });
  expect(outcome.stdout.trim()).toBe('function ./dist/main.js');
});
