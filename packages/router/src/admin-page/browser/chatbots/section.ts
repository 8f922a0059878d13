import { openDialog } from '../dialog.ts';
import { element } from '../element.ts';
import { asMembers, listAt } from '../json-shape.ts';
import { type LiveSection, liveSection, type OpenSection, type Section, type SectionContext } from '../live-section.ts';
import { rowActions } from '../row-actions.ts';
import { badge, emptyState, table } from '../table.ts';
import { spanText } from '../words.ts';
import { chatbotForm, chatbotOf, type ListedChatbot } from './chatbot-form.ts';

const COLUMNS = [
  { label: 'Chatbot' },
  { label: 'Model' },
  { label: 'System prompt' },
  { label: 'Conversations' },
  { label: 'Actions', kind: 'actions' },
] as const;

/** Chatbots: a model with a prompt, and conversations that are kept. */
export const chatbotsSection: Section = { id: 'chatbots', title: 'Chatbots', open: openChatbots };

function openChatbots({ api, say }: SectionContext): OpenSection {
  const section: LiveSection = liveSection<readonly ListedChatbot[]>({
    title: 'Chatbots',
    lead: 'Models with a prompt of their own, whose conversations the router keeps sealed.',
    actions: [
      element('button', { type: 'button', class: 'button primary', onclick: () => edit(null) }, 'Make a chatbot'),
    ],
    everyMs: 15_000,
    load: async (signal) => listAt(asMembers(await api.json('v1/chatbots', { signal })), 'data', chatbotOf),
    render: (bots) =>
      bots.length === 0
        ? [emptyState('No chatbots yet', 'A chatbot answers below an address of its own.')]
        : [table('Chatbots', COLUMNS, bots.map(cellsOf))],
  });

  function cellsOf(bot: ListedChatbot): readonly (Node | string)[] {
    return [
      element(
        'div',
        { class: 'stack' },
        element('strong', { class: 'name' }, bot.name),
        element('code', { class: 'faint' }, bot.id),
        bot.description !== '' && element('span', { class: 'faint' }, bot.description),
      ),
      element('code', {}, bot.model),
      bot.systemPrompt === ''
        ? element('span', { class: 'faint' }, 'None')
        : element('p', { class: 'excerpt' }, bot.systemPrompt.slice(0, 400)),
      element(
        'div',
        { class: 'stack' },
        element(
          'span',
          {},
          bot.ttlSeconds === null ? 'Kept as configured' : `Kept ${spanText(bot.ttlSeconds * 1_000)}`,
        ),
        bot.tier !== null && badge(`${bot.tier} or above`),
      ),
      actionsOf(bot),
    ];
  }

  function actionsOf(bot: ListedChatbot): Node {
    const { id, name, source } = bot;
    return rowActions({ id, name, source, edit: () => edit(bot), remove: () => remove(bot) });
  }

  function edit(present: ListedChatbot | null): void {
    const form = chatbotForm(present);
    openDialog({
      title: present === null ? 'Make a chatbot' : `Change ${present.name}`,
      content: form.content,
      submitLabel: 'Save',
      submit: async () => {
        await api.json(pathOf(form.id()), { method: 'PUT', body: form.definition() });
        say(`${form.id()} is saved`);
        void section.refresh();
      },
    });
  }

  function remove({ id, name }: ListedChatbot): void {
    openDialog({
      title: `Delete ${name}?`,
      content: [element('p', {}, 'All of its conversations are deleted with it. They cannot be brought back.')],
      submitLabel: 'Delete it and its conversations',
      danger: true,
      submit: async () => {
        await api.json(pathOf(id), { method: 'DELETE' });
        say(`${name} is deleted`);
        void section.refresh();
      },
    });
  }

  return section;
}

function pathOf(id: string): string {
  return `v1/chatbots/${encodeURIComponent(id)}`;
}
