import { element } from '../element.ts';
import { badge, type Column } from '../table.ts';
import { countText, momentText, usdText } from '../words.ts';
import type { ListedKey } from './key.ts';

/** What is told of a key. */
export const KEY_COLUMNS: readonly Column[] = [
  { label: 'Key' },
  { label: 'State' },
  { label: 'Models and tiers' },
  { label: 'Limits' },
  { label: 'Budget' },
  { label: 'Expires' },
  { label: 'Actions', kind: 'actions' },
];

const STATES: Readonly<Record<string, 'good' | 'warn' | 'bad'>> = { active: 'good', expired: 'warn', revoked: 'bad' };

/** What can be done with a key. */
export interface KeyActions {
  readonly edit: () => void;
  readonly revoke: () => void;
}

/** A key's row. */
export function keyCells(key: ListedKey, actions: KeyActions): readonly (Node | string)[] {
  const { budget, expiresAt, state } = key;
  return [
    element(
      'div',
      { class: 'stack' },
      element('strong', { class: 'name' }, key.name),
      key.hint !== '' && element('code', { class: 'faint' }, `${key.hint}…`),
    ),
    badge(state, STATES[state] ?? 'plain'),
    lines([listText(key.models, 'All models'), tierText(key)]),
    lines(limitTexts(key), 'whole'),
    budget === null
      ? faint('No budget')
      : `${usdText(budget.usd)} ${budget.period === 'total' ? 'in all' : `a ${budget.period}`}`,
    expiresAt === null ? faint('Never') : element('time', { datetime: expiresAt }, momentText(expiresAt)),
    actionsOf(key, actions),
  ];
}

function actionsOf({ id, name, source, state }: ListedKey, { edit, revoke }: KeyActions): Node {
  if (source === 'configuration') return faint('In the configuration');
  if (state === 'revoked') return faint('Gone for good');
  return element(
    'div',
    { class: 'row-actions' },
    element(
      'button',
      { type: 'button', class: 'button small', id: `edit-${id}`, 'aria-label': `Change ${name}`, onclick: edit },
      'Change',
    ),
    element(
      'button',
      {
        type: 'button',
        class: 'button small danger-text',
        id: `revoke-${id}`,
        'aria-label': `Revoke ${name}`,
        onclick: revoke,
      },
      'Revoke',
    ),
  );
}

function limitTexts({ limits }: ListedKey): readonly string[] {
  const { requestsPerMinute, requestsPerDay, tokensPerMinute } = limits;
  const texts = [
    requestsPerMinute === null ? '' : `${countText(requestsPerMinute)} requests/min`,
    requestsPerDay === null ? '' : `${countText(requestsPerDay)} requests/day`,
    tokensPerMinute === null ? '' : `${countText(tokensPerMinute)} tokens/min`,
  ].filter((text) => text !== '');
  return texts.length === 0 ? ['No limits'] : texts;
}

function tierText({ tiers, defaultTier }: ListedKey): string {
  const all = listText(tiers, 'All tiers');
  return defaultTier === null ? all : `${all}; ${defaultTier} by default`;
}

function listText(values: readonly string[] | null, all: string): string {
  if (values === null) return all;
  const rest = values.length - 4;
  return rest > 0 ? `${values.slice(0, 4).join(', ')} and ${rest} more` : values.join(', ');
}

function lines(texts: readonly string[], kind?: 'whole'): HTMLElement {
  return element('div', { class: 'stack' }, ...texts.map((text) => element('span', { class: kind }, text)));
}

function faint(text: string): HTMLElement {
  return element('span', { class: 'faint' }, text);
}
