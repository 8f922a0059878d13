import type { AdminApi } from './admin-api.ts';
import { aliasesSection } from './aliases/section.ts';
import { chatbotsSection } from './chatbots/section.ts';
import { element } from './element.ts';
import { keysSection } from './keys/section.ts';
import type { OpenSection, Section } from './live-section.ts';
import { serversSection } from './servers/section.ts';
import { usageSection } from './usage/section.ts';

const SECTIONS: readonly Section[] = [keysSection, usageSection, serversSection, aliasesSection, chatbotsSection];
const TOAST_MS = 5_000;

/** What is on the page for who is signed in. */
export interface Workspace {
  readonly node: HTMLElement;
  stop(): void;
}

/** Puts the sections together; the address says which of them is open. */
export function openWorkspace(api: AdminApi, onSignOut: () => void): Workspace {
  const ended = new AbortController();
  const links = SECTIONS.map(({ id, title }) => element('a', { href: `#${id}` }, title));
  const main = element('main', { id: 'main' });
  const toast = element('p', { class: 'toast', role: 'status' });
  let toastTimer: ReturnType<typeof setTimeout> | undefined;
  const say = (text: string): void => {
    toast.textContent = text;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => toast.replaceChildren(), TOAST_MS);
  };
  let open: OpenSection | null = null;
  const show = (): void => {
    open?.stop();
    const wanted = location.hash.slice(1);
    const section = SECTIONS.find(({ id }) => id === wanted) ?? keysSection;
    open = section.open({ api, say });
    main.replaceChildren(open.node);
    document.title = `${section.title} – Sotto administration`;
    for (const [index, link] of links.entries()) {
      if (SECTIONS[index] === section) link.setAttribute('aria-current', 'page');
      else link.removeAttribute('aria-current');
    }
    // The first time, all this is not on the page yet.
    queueMicrotask(() => main.querySelector('h1')?.focus());
  };
  window.addEventListener('hashchange', show, { signal: ended.signal });
  show();
  const skip = element('a', { class: 'skip', href: '#main' }, 'Skip to the content');
  skip.addEventListener('click', (event) => {
    // The address is the section's.
    event.preventDefault();
    main.querySelector('h1')?.focus();
  });
  const node = element(
    'div',
    { class: 'workspace' },
    skip,
    element(
      'header',
      { class: 'bar' },
      element(
        'div',
        { class: 'brand' },
        element('img', { src: 'assets/icon.svg', alt: '', width: 28, height: 28 }),
        element('span', {}, 'Sotto'),
      ),
      element('nav', { 'aria-label': 'Sections' }, ...links),
      element('button', { type: 'button', class: 'button quiet', onclick: onSignOut }, 'Sign out'),
    ),
    main,
    toast,
  );
  return {
    node,
    stop: () => {
      ended.abort();
      clearTimeout(toastTimer);
      open?.stop();
    },
  };
}
