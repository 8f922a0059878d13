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

/** Where a page leads to: other files, and headings. */
function linksOf({ path, text }: (typeof pages)[number]) {
  return commandsIn(text, /\]\(([^)\s]+)\)/g)
    .filter((target) => !/^(https?:|mailto:)/.test(target))
    .map((target) => {
      const [file = '', heading = null] = target.split('#');
      return { target, file: file === '' ? path : join(dirname(path), file), heading };
    });
}

/** What a link calls the headings of a page. */
function headingsOf(text: string): readonly string[] {
  const titles = commandsIn(text.replace(/^```.*?^```/gms, ''), /^#+ (.*)$/gm);
  const words = titles.map((title) => title.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase());
  return words.map((title) => title.replace(/[^\p{L}\p{N}_ -]/gu, '').replaceAll(' ', '-'));
}

test.each(pages)('every relative link in $name leads to a file, and to a heading that is there', (page) => {
  const links = linksOf(page);
  expect(links.filter(({ file }) => !existsSync(file)).map(({ target }) => target)).toEqual([]);
  const astray = links.filter(({ file, heading }) => {
    const text = pages.find(({ path }) => path === file)?.text;
    return heading !== null && text !== undefined && !headingsOf(text).includes(heading);
  });
  expect(astray.map(({ target }) => target)).toEqual([]);
});

test('the README leads to every page but the decisions', () => {
  const linked = pages.filter(({ name }) => name === 'README.md').flatMap(linksOf);
  const files = new Set(linked.map(({ file }) => file));
  const wanted = pages.filter(({ name }) => /^docs\/[^/]+\.md$|^packages\/[^/]+\/README\.md$/.test(name));
  expect(wanted.length).toBeGreaterThan(20);
  expect(wanted.filter(({ path }) => !files.has(path)).map(({ name }) => name)).toEqual([]);
});

test('decisions are numbered without a gap, each by a number of its own', () => {
  const decisions = pages
    .filter(({ name }) => name.startsWith('docs/decisions/'))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const numbers = decisions.map(({ name }) => Number(/\/(\d{4})-/.exec(name)?.[1]));
  expect(numbers).toEqual(decisions.map((_, index) => index + 1));
  expect(decisions.map(({ text }) => Number(/^# (\d+)\. /.exec(text)?.[1]))).toEqual(numbers);
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
  test('as one of sotto is in the page of the command line, and no other', async () => {
    const overview = (await runSotto(['help'])).stdout;
    const commands = new Set(commandsIn(overview, /^ {2}(\w+) {2,}/gm));
    const page = pages.find(({ name }) => name === 'packages/cli/README.md')?.text ?? '';
    expect(commands.size).toBeGreaterThan(5);
    expect(new Set(commandsIn(page, /`sotto (?!help)([a-z]+)\b/g))).toEqual(commands);
  });

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
