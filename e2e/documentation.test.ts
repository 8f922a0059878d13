import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { runSotto } from './sotto.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const SKIPPED = new Set(['node_modules', 'dist', 'test-results', 'coverage', '.git']);

function pagesBelow(directory: string): readonly string[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return SKIPPED.has(entry.name) ? [] : pagesBelow(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

const pages = pagesBelow(root).map((path) => ({ name: relative(root, path), path, text: readFileSync(path, 'utf8') }));
/** The pages that tell readers what to type. */
const guides = pages.filter(({ name }) => /^(README|CONTRIBUTING|SECURITY)\.md$|^docs\/|^examples\//.test(name));

function commandsIn(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map(([, command = '']) => command);
}

test.each(pages)('every relative link in $name leads to a file', ({ path, text }) => {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  const files = links.filter((target) => !/^(https?:|mailto:|#)/.test(target));
  const missing = files.filter((target) => !existsSync(join(dirname(path), target.replace(/#.*$/, ''))));
  expect(missing).toEqual([]);
});

test('the page for apps says of every code of attestation what to do', () => {
  const page = (name: string): string => pages.find((each) => each.name === `docs/${name}.md`)?.text ?? '';
  const sections = page('errors')
    .split(/^## /m)
    .filter((section) => section.startsWith('Attestation: '));
  const codes = sections.flatMap((section) => commandsIn(section, /^\| `([a-z_]+)` /gm));
  expect(codes.length).toBeGreaterThan(50);
  const said = page('attestation-for-apps');
  expect(codes.filter((code) => !said.includes(`\`${code}\``))).toEqual([]);
});

describe('every command that the documentation names', () => {
  test('as npm script is one', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object };
    const named = new Set(guides.flatMap(({ text }) => commandsIn(text, /\bnpm run ([a-z][\w:-]*)/g)));
    expect(named.size).toBeGreaterThan(0);
    expect([...named].filter((name) => !Object.keys(scripts).includes(name))).toEqual([]);
  });

  test('as node program is there', () => {
    const named = guides.flatMap(({ path, text }) =>
      commandsIn(text, /^node ([\w./-]+)/gm).map((name) => [dirname(path), name] as const),
    );
    expect(named.length).toBeGreaterThan(0);
    // From the checkout's root, or from where the page is.
    const missing = named.filter(([here, name]) => !existsSync(join(root, name)) && !existsSync(join(here, name)));
    expect(missing).toEqual([]);
  });

  test('as sotto command is one, with options that it knows', async () => {
    const lines = guides.flatMap(({ text }) => commandsIn(text, /npx sotto ([^\n#`]+)/g));
    const named = [...new Set(lines.map((line) => line.split(' ')[0] ?? ''))];
    expect(named.length).toBeGreaterThan(2);
    const helps = new Map<string, string>();
    for (const name of named) helps.set(name, (await runSotto(['help', name])).stdout);
    for (const line of lines) {
      const help = helps.get(line.split(' ')[0] ?? '') ?? '';
      expect(help, line).toContain('sotto ');
      for (const [option] of line.matchAll(/--[a-z-]+/g)) expect(help, line).toContain(option);
    }
  });
});

test('the README names the two commands that a new reader needs', () => {
  const readme = pages.find(({ name }) => name === 'README.md')?.text ?? '';
  expect(readme).toContain('npm run demo');
  expect(readme).toContain('npm test');
});
