import type { AdminApi } from '../admin-api.ts';
import { ApiFailure } from '../api-failure.ts';
import { openDialog } from '../dialog.ts';
import { element } from '../element.ts';
import { areaField, inputField } from '../fields.ts';
import { asMembers, listAt } from '../json-shape.ts';
import { keyOf } from './key.ts';

const MAX_FILE_BYTES = 1_048_576;
const EXAMPLE = '{ "keys": [ { "name": "team-a", "sha256": "…" }, { "name": "team-b", "key": "…" } ] }';

/** Asks for keys that exist elsewhere, and takes them over: all of them or none. */
export function openImport(api: AdminApi, onImported: (count: number) => void): void {
  const text = areaField({ label: 'Keys as JSON', name: 'keys', required: true, hint: EXAMPLE }, 8);
  const file = inputField(
    { label: 'Or from a file', name: 'file' },
    { type: 'file', accept: '.json,application/json' },
  );
  file.input.addEventListener('change', () => void takeFile(file.input, text.input));
  openDialog({
    title: 'Import keys',
    content: [
      element(
        'p',
        {},
        'Up to 1,000 keys, all of them or none. Each has a name, and key or sha256; the rest is as for a new key.',
      ),
      text.node,
      file.node,
    ],
    submitLabel: 'Import',
    submit: async () => {
      const answer = await api.json('v1/keys/import', { method: 'POST', body: parse(text.input.value) });
      onImported(listAt(asMembers(answer), 'data', keyOf).length);
    },
    onClosed: () => {
      text.input.value = '';
    },
  });
}

async function takeFile(input: HTMLInputElement, text: HTMLTextAreaElement): Promise<void> {
  const [file] = input.files ?? [];
  if (file === undefined) return;
  input.setCustomValidity(file.size > MAX_FILE_BYTES ? 'At most 1 MiB' : '');
  if (file.size <= MAX_FILE_BYTES) text.value = await file.text();
}

/** Takes a list for what `keys` stands for. */
function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? { keys: value } : value;
  } catch {
    throw new ApiFailure('this is not JSON', { status: 0, code: 'invalid_json', param: 'keys' });
  }
}
