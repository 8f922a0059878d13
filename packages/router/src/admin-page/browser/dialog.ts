import { ApiFailure } from './api-failure.ts';
import { element, freshId } from './element.ts';
import { makeNotice } from './notice.ts';

/** A question, or a form, above the page. */
export interface DialogOptions {
  readonly title: string;
  readonly content: readonly (Node | string)[];
  readonly submitLabel: string;
  readonly danger?: boolean;
  /** Null where there is nothing to cancel. */
  readonly cancelLabel?: string | null;
  /** Does what was asked for; where it throws, the dialog stays open and tells. */
  readonly submit: () => Promise<void> | void;
  /** Called when it has closed, in whatever way. */
  readonly onClosed?: () => void;
}

/** Opens a dialog. It is gone from the page when it closes, and so is what it showed. */
export function openDialog(options: DialogOptions): void {
  const { title, content, submitLabel, danger = false, cancelLabel = 'Cancel', onClosed } = options;
  const titleId = freshId();
  const notice = makeNotice();
  const submitButton = element(
    'button',
    { type: 'submit', class: danger ? 'button danger' : 'button primary' },
    submitLabel,
  );
  const form = element(
    'form',
    { class: 'dialog-form', novalidate: true },
    element('h2', { id: titleId }, title),
    element('div', { class: 'dialog-content' }, ...content),
    notice.node,
    element(
      'div',
      { class: 'dialog-actions' },
      cancelLabel !== null &&
        element('button', { type: 'button', class: 'button', onclick: () => dialog.close() }, cancelLabel),
      submitButton,
    ),
  );
  const dialog = element('dialog', { 'aria-labelledby': titleId }, form);
  const submit = async (): Promise<void> => {
    if (!form.reportValidity()) return;
    submitButton.disabled = true;
    notice.clear();
    clearFaults(form);
    try {
      await options.submit();
      dialog.close();
    } catch (error) {
      notice.fail(error);
      if (error instanceof ApiFailure && error.param !== null) showFault(form, error.param);
    } finally {
      submitButton.disabled = false;
    }
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void submit();
  });
  dialog.addEventListener('close', () => {
    dialog.remove();
    form.replaceChildren();
    onClosed?.();
  });
  document.body.append(dialog);
  dialog.showModal();
}

/** Closes whatever is open: what it shows belongs to a session that is over. */
export function closeDialogs(): void {
  for (const dialog of document.querySelectorAll('dialog')) dialog.close();
}

function clearFaults(form: HTMLFormElement): void {
  for (const input of form.querySelectorAll('[aria-invalid]')) input.removeAttribute('aria-invalid');
}

function showFault(form: HTMLFormElement, param: string): void {
  // `models.2` and `budget.usd` are told by the field of `models`, and by that of `budget.usd`.
  const named = (name: string): HTMLElement | undefined =>
    [...form.querySelectorAll<HTMLElement>('[name]')].find((input) => input.getAttribute('name') === name);
  const input = named(param) ?? named(param.split(/[.[]/)[0] ?? '');
  input?.setAttribute('aria-invalid', 'true');
  input?.focus();
}
