import { element, svgElement } from '../element.ts';

/** One value of a chart. */
export interface Bar {
  readonly label: string;
  readonly value: number;
}

/** How a chart is called, and its values told. */
export interface ChartOptions {
  readonly title: string;
  readonly text: (value: number) => string;
}

const HEIGHT = 120;
const STEP = 10;
const GAP = 2;
/** So that little is told from nothing. */
const LEAST_HEIGHT = 2;
const MOST_RANKED = 6;

/** Upright bars in the order given. The labels stand outside of the drawing, which is stretched to its place. */
export function columnChart(bars: readonly Bar[], { title, text }: ChartOptions): HTMLElement {
  const highest = Math.max(...bars.map(({ value }) => value), 0);
  const drawn = bars.map(({ label, value }, index) => {
    const height = value === 0 || highest === 0 ? 0 : Math.max((value / highest) * HEIGHT, LEAST_HEIGHT);
    const place = { x: index * STEP + GAP / 2, width: STEP - GAP };
    return svgElement(
      'g',
      { class: 'column' },
      svgElement('title', {}, `${label}: ${text(value)}`),
      svgElement('rect', { class: 'column-ground', ...place, y: 0, height: HEIGHT }),
      svgElement('rect', { class: 'column-bar', ...place, y: HEIGHT - height, height }),
    );
  });
  const total = bars.reduce((sum, { value }) => sum + value, 0);
  const summary = `${title} by day: ${text(total)} in all, ${text(highest)} on the busiest day`;
  return element(
    'figure',
    { class: 'chart card' },
    element(
      'figcaption',
      { class: 'chart-head' },
      element('h2', {}, `${title} by day`),
      element('span', { class: 'faint' }, `Highest: ${text(highest)}`),
    ),
    svgElement(
      'svg',
      {
        viewBox: `0 0 ${bars.length * STEP} ${HEIGHT}`,
        preserveAspectRatio: 'none',
        role: 'img',
        'aria-label': summary,
      },
      ...drawn,
    ),
    element(
      'div',
      { class: 'chart-ends faint small', 'aria-hidden': 'true' },
      element('span', {}, bars.at(0)?.label ?? ''),
      element('span', {}, bars.at(-1)?.label ?? ''),
    ),
  );
}

/** Names with a bar each, the first ones of a ranking. */
export function rankingChart(bars: readonly Bar[], { title, text }: ChartOptions): HTMLElement {
  const highest = Math.max(...bars.map(({ value }) => value), 0);
  const rest = bars.length - MOST_RANKED;
  const entries = bars.slice(0, MOST_RANKED).map(({ label, value }) => {
    const width = highest === 0 ? 0 : (value / highest) * 100;
    return element(
      'li',
      {},
      element(
        'div',
        { class: 'rank-line' },
        element('span', { class: 'name' }, label),
        element('span', { class: 'rank-value' }, text(value)),
      ),
      svgElement(
        'svg',
        { class: 'rank-bar', viewBox: '0 0 100 4', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
        svgElement('rect', { class: 'column-ground', width: 100, height: 4 }),
        svgElement('rect', { class: 'column-bar', width, height: 4 }),
      ),
    );
  });
  return element(
    'section',
    { class: 'card' },
    element('h2', {}, title),
    element('ul', { class: 'ranking' }, ...entries),
    rest > 0 && element('p', { class: 'faint small' }, `and ${rest} more`),
  );
}
