import { explain } from './api-failure.ts';
import { element } from './element.ts';

/** A place where failures are told, and read aloud. */
export interface Notice {
  readonly node: HTMLElement;
  /** Says what failed, and more where there is more to say. */
  fail(error: unknown, more?: string): void;
  clear(): void;
}

/** Makes an empty notice. */
export function makeNotice(): Notice {
  const node = element('div', { class: 'notice', role: 'alert' });
  return {
    node,
    fail: (error, more = '') => {
      const { words, code } = explain(error);
      node.replaceChildren(
        element('span', {}, more === '' ? words : `${words} ${more}`),
        ' ',
        element('code', {}, code),
      );
    },
    clear: () => {
      if (node.hasChildNodes()) node.replaceChildren();
    },
  };
}
