import type { AdminApi } from './admin-api.ts';
import { element, replaceContent } from './element.ts';
import { makeNotice } from './notice.ts';
import { Poller } from './poller.ts';
import { clockText, spanText } from './words.ts';

/** What a section is given. */
export interface SectionContext {
  readonly api: AdminApi;
  /** Says that something was done, and has it read aloud. */
  readonly say: (text: string) => void;
}

/** A section that is on the page. */
export interface OpenSection {
  readonly node: HTMLElement;
  stop(): void;
}

/** A part of the administration. */
export interface Section {
  /** Its address on the page, behind `#`. */
  readonly id: string;
  readonly title: string;
  readonly open: (context: SectionContext) => OpenSection;
}

/** A section that shows what the router says, and keeps asking. */
export interface LiveOptions<Value> {
  readonly title: string;
  readonly lead: string;
  /** Buttons beside the title. */
  readonly actions?: readonly HTMLElement[];
  /** What stands above the content and stays while that changes: filters. */
  readonly controls?: readonly HTMLElement[];
  readonly everyMs: number | ((value: Value) => number);
  readonly load: (signal: AbortSignal) => Promise<Value>;
  readonly render: (value: Value) => readonly Node[];
}

/** A {@link LiveOptions} on the page. */
export interface LiveSection extends OpenSection {
  /** Asks again at once. */
  refresh(): Promise<void>;
  /** Shows what is known anew. */
  redraw(): void;
}

/** Puts a live section together. */
export function liveSection<Value>(options: LiveOptions<Value>): LiveSection {
  const { title, lead, actions = [], controls = [], everyMs, load, render } = options;
  const notice = makeNotice();
  const freshness = element('p', { class: 'freshness' }, 'Loading…');
  const content = element('div', { class: 'content', 'aria-busy': 'true' });
  let shown: { readonly value: Value; readonly text: string } | null = null;
  const draw = (value: Value): void => replaceContent(content, render(value));
  const poller = new Poller<Value>({
    everyMs,
    load,
    onValue: (value) => {
      notice.clear();
      content.removeAttribute('aria-busy');
      freshness.textContent = `Updated ${clockText(Date.now())}`;
      const text = JSON.stringify(value);
      // What did not change is left alone: nobody's selection or open menu goes away every few seconds.
      if (shown?.text !== text) draw(value);
      shown = { value, text };
    },
    onFailure: (error, nextMs) => notice.fail(error, `Next try in ${spanText(nextMs)}.`),
  });
  const node = element(
    'section',
    { class: 'section' },
    element(
      'header',
      { class: 'section-head' },
      element('div', {}, element('h1', { tabindex: -1 }, title), element('p', { class: 'lead' }, lead)),
      element('div', { class: 'section-actions' }, ...actions),
    ),
    ...controls,
    notice.node,
    content,
    freshness,
  );
  return {
    node,
    stop: () => poller.stop(),
    refresh: () => poller.refresh(),
    redraw: () => {
      if (shown !== null) draw(shown.value);
    },
  };
}
