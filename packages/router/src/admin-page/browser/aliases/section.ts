import { openDialog } from '../dialog.ts';
import { element } from '../element.ts';
import { areaField, inputField, linesOf } from '../fields.ts';
import { asMembers, listAt, textAt, textsAt } from '../json-shape.ts';
import { type LiveSection, liveSection, type OpenSection, type Section, type SectionContext } from '../live-section.ts';
import { rowActions } from '../row-actions.ts';
import { emptyState, table } from '../table.ts';

interface Alias {
  readonly alias: string;
  readonly models: readonly string[];
  readonly source: string;
}

const COLUMNS = [
  { label: 'Alias' },
  { label: 'Models, in the order to try' },
  { label: 'Actions', kind: 'actions' },
] as const;

/** Aliases: a name for one or several models. */
export const aliasesSection: Section = { id: 'aliases', title: 'Aliases', open: openAliases };

function openAliases({ api, say }: SectionContext): OpenSection {
  const section: LiveSection = liveSection<readonly Alias[]>({
    title: 'Aliases',
    lead: 'Names that stand for one model, or for several to try in turn.',
    actions: [
      element('button', { type: 'button', class: 'button primary', onclick: () => edit(null) }, 'Make an alias'),
    ],
    everyMs: 15_000,
    load: async (signal) => listAt(asMembers(await api.json('v1/aliases', { signal })), 'data', aliasOf),
    render,
  });

  function render(aliases: readonly Alias[]): readonly Node[] {
    if (aliases.length === 0)
      return [emptyState('No aliases yet', 'An alias lets you change models without changing apps.')];
    return [table('Aliases', COLUMNS, aliases.map(cellsOf))];
  }

  function cellsOf(alias: Alias): readonly (Node | string)[] {
    const models = alias.models.map((model) => element('li', {}, element('code', {}, model)));
    return [
      element('strong', { class: 'name' }, alias.alias),
      element('ol', { class: 'order' }, ...models),
      actionsOf(alias),
    ];
  }

  function actionsOf(alias: Alias): Node {
    const { alias: name, source } = alias;
    return rowActions({ id: name, name, source, edit: () => edit(alias), remove: () => remove(alias) });
  }

  function edit(present: Alias | null): void {
    const name = inputField(
      {
        label: 'Alias',
        name: 'alias',
        value: present?.alias ?? '',
        required: true,
        hint: 'As apps write it for a model. It may hold slashes.',
      },
      { maxlength: 256, readonly: present !== null },
    );
    const models = areaField(
      {
        label: 'Models',
        name: 'models',
        value: present?.models.join('\n') ?? '',
        required: true,
        hint: 'One a line, in the order to try.',
      },
      4,
    );
    openDialog({
      title: present === null ? 'Make an alias' : `Change ${present.alias}`,
      content: [name.node, models.node],
      submitLabel: 'Save',
      submit: async () => {
        const alias = name.input.value.trim();
        await api.json(pathOf(alias), { method: 'PUT', body: { models: linesOf(models.input.value) ?? [] } });
        say(`${alias} is saved`);
        void section.refresh();
      },
    });
  }

  function remove({ alias }: Alias): void {
    openDialog({
      title: `Delete ${alias}?`,
      content: [element('p', {}, 'Requests that name it are then told that there is no such model.')],
      submitLabel: 'Delete',
      danger: true,
      submit: async () => {
        await api.json(pathOf(alias), { method: 'DELETE' });
        say(`${alias} is deleted`);
        void section.refresh();
      },
    });
  }

  return section;
}

function pathOf(alias: string): string {
  return `v1/aliases/${alias.split('/').map(encodeURIComponent).join('/')}`;
}

function aliasOf(value: unknown): Alias {
  const alias = asMembers(value);
  return { alias: textAt(alias, 'alias'), models: textsAt(alias, 'models'), source: textAt(alias, 'source') };
}
