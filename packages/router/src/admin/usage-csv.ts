/** What a spreadsheet takes for the start of a formula, also behind white space. */
const FORMULA = /^\s*[=+\-@|%]|^[\t\r]/;
/** RFC 4180 §2: what these stand in is put in quotes. */
const SPECIAL = /[",\r\n]/;

/** Writes rows as CSV (RFC 4180), the names of the columns first. Text that a spreadsheet would run gets an apostrophe. */
export function writeCsv<Column extends string>(
  columns: readonly Column[],
  rows: readonly Readonly<Record<Column, string | number | null>>[],
): string {
  const lines = rows.map((row) => columns.map((column) => cell(row[column])).join(','));
  return [columns.join(','), ...lines, ''].join('\r\n');
}

function cell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = FORMULA.test(value) ? `'${value}` : value;
  return SPECIAL.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
