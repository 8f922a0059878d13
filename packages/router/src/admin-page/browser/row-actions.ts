import { element } from './element.ts';

/** What can be done with one row of a table. */
export interface RowActions {
  /** Tells the row's buttons from those of other rows. */
  readonly id: string;
  /** As it is spoken of. */
  readonly name: string;
  /** `configuration`: it is changed there, and not here. */
  readonly source: string;
  readonly edit: () => void;
  readonly remove: () => void;
}

/** The buttons of a row that can be changed and deleted, or where else that is done. */
export function rowActions({ id, name, source, edit, remove }: RowActions): Node {
  if (source === 'configuration') return element('span', { class: 'faint' }, 'In the configuration');
  const button = (word: 'Change' | 'Delete', kind: string, onclick: () => void): Node => {
    const idPrefix = word === 'Change' ? 'edit' : 'delete';
    const properties = {
      type: 'button',
      class: kind,
      id: `${idPrefix}-${id}`,
      'aria-label': `${word} ${name}`,
      onclick,
    };
    return element('button', properties, word);
  };
  return element(
    'div',
    { class: 'row-actions' },
    button('Change', 'button small', edit),
    button('Delete', 'button small danger-text', remove),
  );
}
