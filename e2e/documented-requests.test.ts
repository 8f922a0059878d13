import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { capableModel } from './model-server.ts';
import { API_KEY, type SealedRouter, startSealedRouter } from './sealed-router.ts';

const PAGE = readFileSync(fileURLToPath(new URL('../docs/api.md', import.meta.url)), 'utf8');
const ADMIN_KEY = 'admin-key-of-a-good-length';

/** The one on the path may be another than the system's, and have other packages. */
const PYTHON = ['python3', '/usr/bin/python3'].find(
  (command) => spawnSync(command, ['-c', 'import requests'], { stdio: 'ignore' }).status === 0,
);

/** How each language of the page is run; the program is the last argument. */
const LANGUAGES = {
  sh: { command: ['sh', '-eu', '-c'], needs: ['curl', '--version'] },
  js: { command: [process.execPath, '--input-type=module', '--eval'], needs: [process.execPath, '--version'] },
  python: { command: [PYTHON ?? 'python3', '-B', '-c'], needs: [PYTHON ?? 'python3', '-c', 'import requests'] },
} as const;
type Language = keyof typeof LANGUAGES;

/** What the examples of each section print, in whatever language. */
const PRINTS: Readonly<Record<string, RegExp>> = {
  Chat: /echo: Hello/,
  Streaming: /^(echo: Hello|data: .*"content":"echo:".*\n\ndata: .*"content":" Hello"[\s\S]*data: \[DONE\]\s*)$/,
  'Tools and pictures': /"content":"echo: /,
  'Text completions': /and Once upon a time/,
  Embeddings: /8,\s*-0\.5,\s*0\.25[\s\S]*7,\s*-0\.5,\s*0\.25/,
  Models: /gpt-4/,
  Chatbots: /echo: (Where is my order\?|And when does it come\?)/,
  Administration: /"key":"sotto_[^"]+"[\s\S]*"totals":\{/,
  Errors: /model_not_found/,
};

interface Example {
  readonly section: string;
  readonly language: Language;
  readonly program: string;
}

const examples: readonly Example[] = PAGE.split(/^## /m)
  .slice(1)
  .flatMap((text) => {
    const section = text.split('\n', 1)[0] ?? '';
    return [...text.matchAll(/^```(sh|js|python)\n([\s\S]*?)^```$/gm)].map(([, language, program = '']) => ({
      section,
      language: language as Language,
      program,
    }));
  });

let sealed: SealedRouter;
beforeAll(async () => {
  sealed = await startSealedRouter({
    aliases: { 'gpt-4': ['m'] },
    admin: { key: ADMIN_KEY },
    chatbots: [{ id: 'support', name: 'Support', model: 'gpt-4' }],
  });
  sealed.upstream.behave(capableModel(['m']));
});
afterAll(() => sealed.close());

function isThere(language: Language): boolean {
  const [command, ...args] = LANGUAGES[language].needs;
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** Runs a program as a reader would who typed it in. @returns what it printed */
async function run({ language, program }: Example): Promise<string> {
  const [command, ...args] = LANGUAGES[language].command;
  const environment = { SOTTO_BASE_URL: sealed.url, SOTTO_API_KEY: API_KEY, SOTTO_ADMIN_KEY: ADMIN_KEY };
  const child = spawn(command, [...args, program], {
    env: { PATH: process.env['PATH'] ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const printed: Buffer[] = [];
  const complaints: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => printed.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
  const code = await new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  expect(Buffer.concat(complaints).toString('utf8')).toBe('');
  expect(code).toBe(0);
  return Buffer.concat(printed).toString('utf8');
}

test('every section with examples is known here, and each of its languages is one that can be run', () => {
  expect([...new Set(examples.map(({ section }) => section))]).toEqual(Object.keys(PRINTS));
  expect(PAGE.match(/^```\w/gm)?.length).toBe(examples.length + 1); // the first sets the environment
});

describe.each(Object.keys(LANGUAGES) as Language[])('what docs/api.md has readers send in %s', (language) => {
  if (!isThere(language)) {
    test(`(${LANGUAGES[language].needs[0]} is not there: skipped)`, () => {
      process.stdout.write(`skipped: ${LANGUAGES[language].needs.join(' ')} fails\n`);
    });
    return;
  }
  const mine = examples.filter((example) => example.language === language);
  test.each(mine.map((example, at) => [`${at + 1}, ${example.section}`, example] as const))(
    'is answered as it says: %s',
    async (_name, example) => {
      expect(await run(example)).toMatch(PRINTS[example.section] ?? /^$/);
    },
  );
});
