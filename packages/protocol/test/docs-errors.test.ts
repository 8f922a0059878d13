import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { apiErrorOfStatus } from '../src/api-error.ts';
import { ERROR_CODES } from '../src/error-codes.ts';
import * as errors from '../src/errors.ts';

const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');

/** The rows that begin with a code: code, classes, status or dash, cause, what to do. */
const rows = page
  .split('\n')
  .filter((line) => /^\| `[a-z_]+` \|/.test(line))
  .map((line) => {
    const [code = '', classes = '', status = '', cause = '', action = '', ...more] = line
      .slice(2, -2)
      .split(' | ')
      .map((cell) => cell.trim());
    const names = [...classes.matchAll(/`(\w+)`/g)].map(([, name = '']) => name);
    return { code: code.replaceAll('`', ''), names, status, cause, action, more };
  });

test('docs/errors.md has exactly one row for each code, and none for another', () => {
  expect(rows.map(({ code }) => code).sort()).toEqual(Object.keys(ERROR_CODES).sort());
});

test.each(rows)('docs/errors.md says of $code its status, its class, a cause and what to do', (row) => {
  const status = ERROR_CODES[row.code as keyof typeof ERROR_CODES];
  expect(row.status).toBe(status === null ? '–' : String(status));
  expect([row.more, row.cause, row.action]).toEqual([[], expect.stringMatching(/\.$/), expect.stringMatching(/\.$/)]);
  for (const name of row.names) expect(Object.keys(errors)).toContain(name);
  expect(row.names.length).toBeGreaterThan(0);
  if (status !== null) expect(row.names[0]).toBe(apiErrorOfStatus(status, 'x', { code: row.code }).name);
});
