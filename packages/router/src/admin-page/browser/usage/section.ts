import { element } from '../element.ts';
import { inputField, selectField } from '../fields.ts';
import { loadKeys } from '../keys/key.ts';
import { type LiveSection, liveSection, type OpenSection, type Section, type SectionContext } from '../live-section.ts';
import { makeNotice } from '../notice.ts';
import { emptyState, table } from '../table.ts';
import { countText, shortCount, usdText } from '../words.ts';
import { columnChart, rankingChart } from './charts.ts';
import {
  daysOf,
  loadUsage,
  type Measure,
  sumsBy,
  type Usage,
  type UsageFilter,
  type UsageRow,
  usageQuery,
} from './usage.ts';

const REQUESTS: Measure = { id: 'requests', label: 'Requests', of: ({ requests }) => requests };
const MEASURES: readonly Measure[] = [
  REQUESTS,
  { id: 'tokens', label: 'Tokens', of: ({ promptTokens, completionTokens }) => promptTokens + completionTokens },
  { id: 'cost', label: 'Cost', of: ({ costUsd }) => costUsd },
];
const COLUMNS = [
  { label: 'Day' },
  { label: 'Key' },
  { label: 'Model' },
  { label: 'Requests', kind: 'number' },
  { label: 'Failed', kind: 'number' },
  { label: 'Cancelled', kind: 'number' },
  { label: 'Tokens in', kind: 'number' },
  { label: 'Tokens out', kind: 'number' },
  { label: 'Cost', kind: 'number' },
] as const;
const MAX_TABLE_ROWS = 200;
const MANY_ROWS = 1_000;
const MAX_KEY_CHOICES = 1_000;

/** What was used, by day, key and model. */
export const usageSection: Section = { id: 'usage', title: 'Usage', open: openUsage };

function openUsage({ api, say }: SectionContext): OpenSection {
  let measure = REQUESTS;
  const span = selectField({ label: 'Time', name: 'days', value: '30' }, [
    ['7', 'Last 7 days'],
    ['30', 'Last 30 days'],
    ['90', 'Last 90 days'],
  ]);
  const key = selectField({ label: 'Key', name: 'key' }, [['', 'All keys']]);
  const model = inputField({ label: 'Model', name: 'model' }, { type: 'search', placeholder: 'All models' });
  const shown = selectField(
    { label: 'Charts show', name: 'measure' },
    MEASURES.map(({ id, label }) => [id, label] as const),
  );
  const saving = makeNotice();
  const filter = (): UsageFilter => ({
    days: Number(span.input.value),
    key: key.input.value,
    model: model.input.value.trim(),
  });
  const section: LiveSection = liveSection<Usage>({
    title: 'Usage',
    lead: 'Requests, tokens and costs. Days begin and end in UTC.',
    actions: [element('button', { type: 'button', class: 'button', onclick: () => void save() }, 'Save as CSV')],
    controls: [element('div', { class: 'filters' }, span.node, key.node, model.node, shown.node), saving.node],
    // What is long to count is counted less often.
    everyMs: ({ rows }) => (rows.length > MANY_ROWS ? 30_000 : 3_000),
    load: (signal) => loadUsage(api, filter(), signal),
    render: (usage) => render(usage, measure, daysOf(filter(), Date.now())),
  });
  for (const { input } of [span, key, model]) input.addEventListener('change', () => void section.refresh());
  shown.input.addEventListener('change', () => {
    measure = MEASURES.find(({ id }) => id === shown.input.value) ?? REQUESTS;
    section.redraw();
  });
  void listKeys();

  /** Fills the choice of keys. Without it the section does what it does: a failure shows where usage is asked for. */
  async function listKeys(): Promise<void> {
    const { keys } = await loadKeys(api, MAX_KEY_CHOICES).catch(() => ({ keys: [] }));
    key.input.append(...keys.map(({ id, name }) => element('option', { value: id }, name)));
  }

  /** A link could not carry the admin key: the page asks for the file, and hands it over. */
  async function save(): Promise<void> {
    saving.clear();
    try {
      const query = usageQuery(filter(), Date.now());
      query.set('limit', '100000');
      query.set('format', 'csv');
      const address = URL.createObjectURL(await api.file(`v1/usage?${query}`));
      element('a', { href: address, download: 'usage.csv' }).click();
      URL.revokeObjectURL(address);
      say('usage.csv is saved');
    } catch (error) {
      saving.fail(error);
    }
  }

  return section;
}

function render({ rows, totals, hasMore }: Usage, measure: Measure, days: readonly string[]): readonly Node[] {
  const text = measure.id === 'cost' ? usdText : shortCount;
  const totalCards = element(
    'dl',
    { class: 'totals' },
    ...total(
      'Requests',
      countText(totals.requests),
      `${countText(totals.failed)} failed, ${countText(totals.cancelled)} cancelled`,
    ),
    ...total('Tokens in', countText(totals.promptTokens), `${countText(totals.cachedTokens)} from a cache`),
    ...total('Tokens out', countText(totals.completionTokens), ''),
    ...total('Cost', usdText(totals.costUsd), 'where prices are configured'),
  );
  if (rows.length === 0) return [totalCards, emptyState('Nothing yet', 'No requests in this time that match.')];
  const byDay = new Map(sumsBy(rows, ({ day }) => day, measure));
  const bars = days.map((day) => ({ label: day, value: byDay.get(day) ?? 0 }));
  const ranking = (title: string, by: (row: UsageRow) => string): HTMLElement =>
    rankingChart(
      sumsBy(rows, by, measure).map(([label, value]) => ({ label, value })),
      { title, text },
    );
  return [
    totalCards,
    ...(hasMore ? [note('There are more rows than this page counts: the CSV has all of them.')] : []),
    columnChart(bars, { title: measure.label, text }),
    element(
      'div',
      { class: 'rankings' },
      ranking(`${measure.label} by key`, nameOf),
      ranking(`${measure.label} by model`, (row) => row.model),
    ),
    table('Usage by day, key and model', COLUMNS, rows.slice(0, MAX_TABLE_ROWS).map(cellsOf)),
    ...(rows.length > MAX_TABLE_ROWS ? [note(`The latest ${MAX_TABLE_ROWS} rows. The CSV has all of them.`)] : []),
  ];
}

function cellsOf(row: UsageRow): readonly (Node | string)[] {
  return [
    row.day,
    element('span', { class: 'name' }, nameOf(row)),
    element('code', {}, row.model),
    countText(row.requests),
    countText(row.failed),
    countText(row.cancelled),
    countText(row.promptTokens),
    countText(row.completionTokens),
    usdText(row.costUsd),
  ];
}

function nameOf({ keyName, key }: UsageRow): string {
  return keyName ?? key;
}

function total(term: string, value: string, more: string): readonly [HTMLElement] {
  return [
    element(
      'div',
      { class: 'card total' },
      element('dt', {}, term),
      element('dd', { class: 'total-value' }, value),
      more !== '' && element('dd', { class: 'faint small' }, more),
    ),
  ];
}

function note(text: string): HTMLElement {
  return element('p', { class: 'faint' }, text);
}
