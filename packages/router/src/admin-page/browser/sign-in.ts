import { AdminApi } from './admin-api.ts';
import { ApiFailure } from './api-failure.ts';
import { element } from './element.ts';
import { inputField } from './fields.ts';
import { makeNotice } from './notice.ts';

/** Where a session ends, and what it is told for that. */
export interface SignInOptions {
  /** Why the last session ended, where it did not end by its own wish. */
  readonly reason?: ApiFailure | undefined;
  readonly onSignedIn: (key: string) => void;
}

/** Asks for the admin key, and has the router say whether it is the one. */
export function signIn({ reason, onSignedIn }: SignInOptions): HTMLElement {
  const key = inputField(
    {
      label: 'Admin key',
      name: 'key',
      required: true,
      hint: 'It stays in this page’s memory, and goes when you leave or reload.',
    },
    { type: 'password', autocapitalize: 'off' },
  );
  const notice = makeNotice();
  const button = element('button', { type: 'submit', class: 'button primary' }, 'Sign in');
  const form = element('form', { class: 'sign-in card', novalidate: true }, key.node, notice.node, button);
  const enter = async (): Promise<void> => {
    const typed = key.input.value.trim();
    if (typed === '') {
      key.input.focus();
      return;
    }
    button.disabled = true;
    notice.clear();
    try {
      await new AdminApi(typed).json('v1/upstreams');
      key.input.value = '';
      onSignedIn(typed);
    } catch (error) {
      if (error instanceof ApiFailure && error.retryAfterMs !== null) {
        const seconds = Math.ceil(error.retryAfterMs / 1_000);
        notice.fail(error, `Try again in ${seconds} ${seconds === 1 ? 'second' : 'seconds'}.`);
      } else {
        notice.fail(error);
      }
      button.disabled = false;
      key.input.select();
    }
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void enter();
  });
  if (reason !== undefined) notice.fail(reason, 'You are signed out.');
  queueMicrotask(() => key.input.focus());
  return element(
    'main',
    { class: 'door' },
    element('img', { class: 'mark', src: 'assets/icon.svg', alt: '', width: 48, height: 48 }),
    element('h1', {}, 'Sotto administration'),
    !window.isSecureContext &&
      element(
        'p',
        { class: 'warning', role: 'note' },
        'This connection is not encrypted: whoever is between you and the router can read the admin key. Use https.',
      ),
    form,
  );
}
