// Tables as Markdown.

/** @param {import('../run.mjs').Table} table */
export function markdownTable({ caption, columns, rows }) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const lines = [line(columns), line(columns.map(() => '---')), ...rows.map(line)];
  return (caption === undefined ? lines : [caption, '', ...lines]).join('\n');
}

const BUDGET_COLUMNS = ['what', 'target', 'measured: median (least–greatest)', 'met, or why not and what is next'];

/** @param {readonly import('./budget.mjs').BudgetLine[]} lines */
export function budgetTable(lines) {
  const rows = lines.map(({ what, target, measured, verdict }) => [what, target, measured, verdict]);
  return markdownTable({ columns: BUDGET_COLUMNS, rows });
}

/** Reads back what {@link budgetTable} wrote. @param {string} text @returns {import('./budget.mjs').BudgetLine[]} */
export function parseBudgetTable(text) {
  const [, , ...rows] = text.split('\n').filter((line) => line.startsWith('|'));
  return rows.map((row) => {
    const [what, target, measured, verdict] = row.slice(2, -2).split(' | ');
    return { what, target, measured, verdict };
  });
}
