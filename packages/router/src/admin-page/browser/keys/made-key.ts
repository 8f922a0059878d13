import { openDialog } from '../dialog.ts';
import { element, freshId } from '../element.ts';

/** Shows a key that was just made. When the dialog closes it is gone from the page, and nobody can have it again. */
export function showMadeKey(name: string, key: string): void {
  const id = freshId();
  const field = element('input', { id, class: 'secret', readonly: true, spellcheck: 'false', autocomplete: 'off' });
  field.value = key;
  const copied = element('p', { class: 'hint', role: 'status' });
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(field.value);
      copied.textContent = 'Copied. Other programs can read the clipboard: paste it and copy something else.';
    } catch {
      // Without TLS, browsers keep the clipboard to themselves.
      field.select();
      copied.textContent = 'This browser does not let the page copy: the key is selected, copy it yourself.';
    }
  };
  openDialog({
    title: 'Your new key',
    content: [
      element(
        'p',
        {},
        'This is the only time that ',
        element('strong', {}, name),
        '’s key is shown. The router keeps a hash of it.',
      ),
      element(
        'div',
        { class: 'field' },
        element('label', { for: id }, 'Key'),
        element(
          'div',
          { class: 'secret-row' },
          field,
          element('button', { type: 'button', class: 'button', onclick: () => void copy() }, 'Copy'),
        ),
        copied,
      ),
    ],
    submitLabel: 'I have stored it',
    cancelLabel: null,
    submit: () => {},
    onClosed: () => {
      field.value = '';
    },
  });
}
