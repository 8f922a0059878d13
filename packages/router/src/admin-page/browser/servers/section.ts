import { element } from '../element.ts';
import { asMembers, flagAt, listAt, numberAt, orNull, textAt } from '../json-shape.ts';
import { liveSection, type OpenSection, type Section, type SectionContext } from '../live-section.ts';
import { badge, emptyState } from '../table.ts';
import { countText, momentText, spanText } from '../words.ts';

/** How a model server fares, as the router tells it. */
interface ServerState {
  readonly name: string;
  readonly tier: string;
  readonly class: string;
  readonly healthy: boolean;
  readonly breaker: string;
  readonly closedForMs: number;
  readonly underWay: number;
  readonly waiting: number;
  readonly served: number;
  readonly failed: number;
  readonly consecutiveFailures: number;
  readonly lastFailureCode: string | null;
  readonly lastChangeMs: number;
  readonly averageFirstByteMs: number | null;
  readonly probeStatus: number | null;
}

/** Model servers, live. */
export const serversSection: Section = { id: 'servers', title: 'Model servers', open: openServers };

function openServers({ api }: SectionContext): OpenSection {
  return liveSection<readonly ServerState[]>({
    title: 'Model servers',
    lead: 'Where requests go, and how these servers fare now.',
    everyMs: 2_000,
    load: async (signal) => listAt(asMembers(await api.json('v1/upstreams', { signal })), 'data', stateOf),
    render: (states) =>
      states.length === 0
        ? [emptyState('No model servers', 'The configuration names none.')]
        : [element('ul', { class: 'cards' }, ...states.map(card))],
  });
}

function card(state: ServerState): HTMLElement {
  const { kind, word, detail } = conditionOf(state);
  return element(
    'li',
    { class: `card server ${kind}` },
    element('header', { class: 'card-head' }, element('h2', { class: 'name' }, state.name), badge(word, kind)),
    element('p', { class: 'faint' }, `${state.tier} tier · ${state.class}`),
    detail !== '' && element('p', { class: 'condition' }, detail),
    element(
      'dl',
      { class: 'facts' },
      ...fact('Under way', countText(state.underWay)),
      ...fact('Waiting', countText(state.waiting)),
      ...fact('Answered', countText(state.served)),
      ...fact('Failed', countText(state.failed)),
      ...fact('First byte', state.averageFirstByteMs === null ? '–' : spanText(state.averageFirstByteMs)),
      ...fact('Last probe', state.probeStatus === null ? '–' : String(state.probeStatus)),
    ),
    element(
      'p',
      { class: 'faint small' },
      `Since ${momentText(new Date(state.lastChangeMs).toISOString())}`,
      state.lastFailureCode !== null && ' · last failure ',
      state.lastFailureCode !== null && element('code', {}, state.lastFailureCode),
    ),
  );
}

interface Condition {
  readonly kind: 'good' | 'warn' | 'bad';
  readonly word: string;
  readonly detail: string;
}

function conditionOf({ healthy, breaker, closedForMs, consecutiveFailures }: ServerState): Condition {
  if (!healthy) return { kind: 'bad', word: 'down', detail: 'Its probes fail.' };
  if (breaker === 'open' || closedForMs > 0) {
    // In whole seconds: it is told every two of them.
    const wait = spanText(Math.ceil(closedForMs / 1_000) * 1_000);
    const why = consecutiveFailures > 0 ? `after ${consecutiveFailures} failed calls` : 'as it asked for';
    return { kind: 'bad', word: 'resting', detail: `Takes no calls for ${wait}, ${why}.` };
  }
  if (breaker === 'half-open') return { kind: 'warn', word: 'on trial', detail: 'The next call decides.' };
  if (consecutiveFailures > 0) {
    return {
      kind: 'warn',
      word: 'shaky',
      detail: `Its last ${consecutiveFailures === 1 ? 'call' : `${consecutiveFailures} calls`} failed.`,
    };
  }
  return { kind: 'good', word: 'healthy', detail: '' };
}

function fact(term: string, text: string): readonly [HTMLElement, HTMLElement] {
  return [element('dt', {}, term), element('dd', {}, text)];
}

function stateOf(value: unknown): ServerState {
  const state = asMembers(value);
  return {
    name: textAt(state, 'name'),
    tier: textAt(state, 'tier'),
    class: textAt(state, 'class'),
    healthy: flagAt(state, 'healthy'),
    breaker: textAt(state, 'breaker'),
    closedForMs: numberAt(state, 'closedForMs'),
    underWay: numberAt(state, 'underWay'),
    waiting: numberAt(state, 'waiting'),
    served: numberAt(state, 'served'),
    failed: numberAt(state, 'failed'),
    consecutiveFailures: numberAt(state, 'consecutiveFailures'),
    lastFailureCode: orNull(textAt, state, 'lastFailureCode'),
    lastChangeMs: numberAt(state, 'lastChangeMs'),
    averageFirstByteMs: orNull(numberAt, state, 'averageFirstByteMs'),
    probeStatus: orNull(numberAt, state, 'probeStatus'),
  };
}
