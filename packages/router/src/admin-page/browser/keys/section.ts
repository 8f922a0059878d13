import { openDialog } from '../dialog.ts';
import { element } from '../element.ts';
import { inputField } from '../fields.ts';
import { asMembers, textAt } from '../json-shape.ts';
import { type LiveSection, liveSection, type OpenSection, type Section, type SectionContext } from '../live-section.ts';
import { emptyState, table } from '../table.ts';
import { openImport } from './import-keys.ts';
import { changesBetween, type KeyPage, keyOf, type ListedKey, loadKeys } from './key.ts';
import { keyForm } from './key-form.ts';
import { KEY_COLUMNS, keyCells } from './key-row.ts';
import { showMadeKey } from './made-key.ts';

const PAGE = 200;

/** Virtual keys: made, changed, revoked, brought along. */
export const keysSection: Section = { id: 'keys', title: 'Keys', open: openKeys };

function openKeys({ api, say }: SectionContext): OpenSection {
  let wanted = PAGE;
  const filter = inputField(
    { label: 'Find a key', name: 'find' },
    { type: 'search', placeholder: 'Name, hint or state' },
  );
  filter.node.classList.add('filter');
  const section: LiveSection = liveSection<KeyPage>({
    title: 'Keys',
    lead: 'What apps and people call the models with.',
    actions: [
      element('button', { type: 'button', class: 'button', onclick: () => bringAlong() }, 'Import'),
      element('button', { type: 'button', class: 'button primary', onclick: () => make() }, 'Make a key'),
    ],
    controls: [filter.node],
    everyMs: 10_000,
    load: (signal) => loadKeys(api, wanted, signal),
    render: (page) => render(page),
  });
  filter.input.addEventListener('input', () => section.redraw());

  function render({ keys, hasMore }: KeyPage): readonly Node[] {
    const found = keys.filter((key) => matches(key, filter.input.value));
    if (keys.length === 0) return [emptyState('No keys yet', 'Make one, and give it to an app.')];
    if (found.length === 0) return [emptyState('No such key', 'Nothing that is shown here matches.')];
    const rows = found.map((key) => keyCells(key, { edit: () => edit(key), revoke: () => revoke(key) }));
    return [table('Virtual keys', KEY_COLUMNS, rows), ...(hasMore ? [moreButton()] : [])];
  }

  function moreButton(): HTMLElement {
    const more = (): void => {
      wanted += PAGE;
      void section.refresh();
    };
    return element('button', { type: 'button', class: 'button more', id: 'more-keys', onclick: more }, 'Show more');
  }

  function make(): void {
    const form = keyForm();
    openDialog({
      title: 'Make a key',
      content: form.content,
      submitLabel: 'Make the key',
      submit: async () => {
        const made = asMembers(await api.json('v1/keys', { method: 'POST', body: form.terms() }));
        showMadeKey(textAt(made, 'name'), textAt(made, 'key'));
        say('The key is made');
        void section.refresh();
      },
    });
  }

  function edit(key: ListedKey): void {
    const form = keyForm(key);
    openDialog({
      title: `Change ${key.name}`,
      content: form.content,
      submitLabel: 'Save',
      submit: async () => {
        const body = changesBetween(key, form.terms());
        const { name } = keyOf(await api.json(pathOf(key), { method: 'PATCH', body }));
        say(`${name} is changed, from its next request on`);
        void section.refresh();
      },
    });
  }

  function revoke(key: ListedKey): void {
    openDialog({
      title: `Revoke ${key.name}?`,
      content: [
        element(
          'p',
          {},
          'Its next request is refused, and it cannot be brought back. Whoever uses it needs a new key.',
        ),
      ],
      submitLabel: 'Revoke for good',
      danger: true,
      submit: async () => {
        await api.json(`${pathOf(key)}/revoke`, { method: 'POST', body: {} });
        say(`${key.name} is revoked`);
        void section.refresh();
      },
    });
  }

  function bringAlong(): void {
    openImport(api, (count) => {
      say(count === 1 ? 'One key is imported' : `${count} keys are imported`);
      void section.refresh();
    });
  }

  return section;
}

function pathOf({ id }: ListedKey): string {
  return `v1/keys/${encodeURIComponent(id)}`;
}

function matches({ name, hint, state }: ListedKey, wanted: string): boolean {
  return [name, hint, state].some((text) => text.toLowerCase().includes(wanted.trim().toLowerCase()));
}
