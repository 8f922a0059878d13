// docs/performance.md: numbers between markers, written here; the words around them are kept by hand.
import { readFileSync, writeFileSync } from 'node:fs';
import { budgetTable, parseBudgetTable } from './markdown.mjs';

const PAGE = new URL('../../docs/performance.md', import.meta.url);

const opening = (name) => `<!-- measured: ${name} -->`;
const closing = (name) => `<!-- end: ${name} -->`;

/**
 * Puts measurements into the page: each into its section, a new one at the end, and their budget lines into the one
 * table, where those of measurements that did not run stay.
 * @param {readonly { name: string, title: string, text: string, budget: import('./budget.mjs').BudgetLine[] }[]} sections
 * @param {string} machine
 */
export function writePage(sections, machine) {
  let page = readFileSync(PAGE, 'utf8');
  const budget = new Map(parseBudgetTable(between(page, 'budget') ?? '').map((line) => [line.what, line]));
  for (const { name, title, text, budget: lines } of sections) {
    if (between(page, name) === null) page = `${page.trimEnd()}\n\n## ${title}\n\n${opening(name)}\n${closing(name)}\n`;
    page = replaced(page, name, `${machine}\n\n${text}`);
    for (const line of lines) budget.set(line.what, line);
  }
  page = replaced(page, 'budget', budgetTable([...budget.values()]));
  writeFileSync(PAGE, page);
}

function between(page, name) {
  const start = page.indexOf(opening(name));
  const end = page.indexOf(closing(name));
  return start < 0 || end < start ? null : page.slice(start + opening(name).length, end);
}

function replaced(page, name, text) {
  if (between(page, name) === null) throw new Error(`docs/performance.md has lost its markers for ${name}`);
  const start = page.indexOf(opening(name)) + opening(name).length;
  return `${page.slice(0, start)}\n${text}\n${page.slice(page.indexOf(closing(name)))}`;
}
