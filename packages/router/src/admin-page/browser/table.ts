import { element } from './element.ts';

/** A column: what stands above it. */
export interface Column {
  readonly label: string;
  readonly kind?: 'number' | 'actions';
}

/**
 * A table. On a narrow screen each row is a card with the columns' names in it: the roles stay, whatever the styles
 * make of the boxes.
 */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly (Node | string)[])[],
): HTMLElement {
  const heads = columns.map(({ label, kind }) =>
    element(
      'th',
      { scope: 'col', role: 'columnheader', class: kind },
      kind === 'actions' ? element('span', { class: 'unseen' }, label) : label,
    ),
  );
  const lines = rows.map((cells) =>
    element(
      'tr',
      { role: 'row' },
      ...cells.map((cell, index) => {
        const { label = '', kind } = columns[index] ?? {};
        return element('td', { role: 'cell', class: kind, 'data-label': kind === 'actions' ? null : label }, cell);
      }),
    ),
  );
  return element(
    'div',
    { class: 'table-frame' },
    element(
      'table',
      { role: 'table' },
      element('caption', { class: 'unseen' }, caption),
      element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...heads)),
      element('tbody', { role: 'rowgroup' }, ...lines),
    ),
  );
}

/** What stands in the place of a table without rows. */
export function emptyState(title: string, text: string): HTMLElement {
  return element('div', { class: 'empty' }, element('h2', {}, title), element('p', {}, text));
}

/** A word with a colour; the word says it all. */
export function badge(text: string, kind: 'good' | 'warn' | 'bad' | 'plain' = 'plain'): HTMLElement {
  return element('span', { class: `badge ${kind}` }, text);
}
