import { element, freshId } from './element.ts';

/** What every field is told. */
export interface FieldOptions {
  readonly label: string;
  /** The member of the request that it fills: the router names it where it is at fault. */
  readonly name: string;
  readonly value?: string;
  readonly hint?: string;
  readonly required?: boolean;
}

/** A labelled field of a form. */
export interface Field<Input extends HTMLElement = HTMLInputElement> {
  readonly node: HTMLElement;
  readonly input: Input;
}

/** More of an input: its type, its bounds. */
export type InputAttributes = Readonly<Record<string, string | number | boolean>>;

/** One line of text, or what `type` says. */
export function inputField(options: FieldOptions, attributes: InputAttributes = {}): Field {
  return labelled(
    options,
    element('input', { type: 'text', autocomplete: 'off', spellcheck: 'false', ...common(options), ...attributes }),
  );
}

/** Several lines of text. */
export function areaField(options: FieldOptions, rows: number): Field<HTMLTextAreaElement> {
  return labelled(options, element('textarea', { rows, spellcheck: 'false', ...common(options) }));
}

/** One of several values, each with how it is called. */
export function selectField(
  options: FieldOptions,
  choices: readonly (readonly [value: string, label: string])[],
): Field<HTMLSelectElement> {
  const entries = choices.map(([value, label]) => element('option', { value }, label));
  return labelled(options, element('select', common(options), ...entries));
}

/** Any of several values. */
export interface ChoiceField {
  readonly node: HTMLElement;
  /** The chosen ones; null where none is. */
  chosen(): readonly string[] | null;
}

/** Boxes to tick. */
export function choicesField(
  { label, name, hint }: Omit<FieldOptions, 'value'>,
  choices: readonly string[],
  chosen: readonly string[] | null,
): ChoiceField {
  const hintId = freshId();
  const boxes = choices.map((choice) => {
    const box = element('input', { type: 'checkbox', name, value: choice });
    box.checked = chosen?.includes(choice) ?? false;
    return box;
  });
  const labels = boxes.map((box) => element('label', { class: 'choice' }, box, box.value));
  const node = element(
    'fieldset',
    { class: 'field', 'aria-describedby': hint === undefined ? null : hintId },
    element('legend', {}, label),
    element('div', { class: 'choices' }, ...labels),
    hint !== undefined && element('p', { class: 'hint', id: hintId }, hint),
  );
  return {
    node,
    chosen: () => {
      const ticked = boxes.filter(({ checked }) => checked).map(({ value }) => value);
      return ticked.length === 0 ? null : ticked;
    },
  };
}

/** Fields side by side, where there is room. */
export function fieldRow(...fields: readonly { readonly node: HTMLElement }[]): HTMLElement {
  return element('div', { class: 'field-row' }, ...fields.map(({ node }) => node));
}

/** What stands on the lines, or between commas; null where nothing does. */
export function linesOf(text: string): readonly string[] | null {
  const lines = text
    .split(/[\n,]/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return lines.length === 0 ? null : lines;
}

function common({ name, required = false }: FieldOptions): InputAttributes {
  return { name, required };
}

function labelled<Input extends HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement>(
  { label, value, hint, required = false }: FieldOptions,
  input: Input,
): Field<Input> {
  const id = freshId();
  input.id = id;
  if (value !== undefined) input.value = value;
  if (hint !== undefined) input.setAttribute('aria-describedby', `${id}-hint`);
  const node = element(
    'div',
    { class: 'field' },
    element('label', { for: id }, label, required && element('span', { class: 'required' }, ' (required)')),
    input,
    hint !== undefined && element('p', { class: 'hint', id: `${id}-hint` }, hint),
  );
  return { node, input };
}
