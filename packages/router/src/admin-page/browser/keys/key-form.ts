import { element } from '../element.ts';
import { areaField, choicesField, fieldRow, inputField, linesOf, selectField } from '../fields.ts';
import type { KeyTerms } from './key.ts';

const TIERS = ['standard', 'high', 'maximum'];
const NO_TERMS: KeyTerms = {
  name: '',
  models: null,
  tiers: null,
  defaultTier: null,
  limits: { requestsPerMinute: null, requestsPerDay: null, tokensPerMinute: null },
  budget: null,
  expiresAt: null,
};

/** The fields of a key's terms. */
export interface KeyForm {
  readonly content: readonly Node[];
  /** What they say now. */
  terms(): KeyTerms;
}

/** Makes the fields, filled with what a key has now. */
export function keyForm(present: KeyTerms = NO_TERMS): KeyForm {
  const { limits, budget } = present;
  const name = inputField(
    { label: 'Name', name: 'name', value: present.name, required: true, hint: 'Who or what uses the key. Unique.' },
    { maxlength: 128 },
  );
  const models = areaField(
    {
      label: 'Models',
      name: 'models',
      value: present.models?.join('\n') ?? '',
      hint: 'One a line; gpt-* stands for all that begin so. Empty: all.',
    },
    2,
  );
  const tiers = choicesField({ label: 'Tiers', name: 'tiers', hint: 'None ticked: all.' }, TIERS, present.tiers);
  const defaultTier = selectField({ label: 'Default tier', name: 'defaultTier', value: present.defaultTier ?? '' }, [
    ['', 'None'],
    ...TIERS.map((tier) => [tier, tier] as const),
  ]);
  const perMinute = countField('Requests a minute', 'limits.requestsPerMinute', limits.requestsPerMinute);
  const perDay = countField('Requests a day', 'limits.requestsPerDay', limits.requestsPerDay);
  const tokens = countField('Tokens a minute', 'limits.tokensPerMinute', limits.tokensPerMinute);
  const usd = inputField(
    { label: 'Budget in US dollars', name: 'budget.usd', value: budget === null ? '' : String(budget.usd) },
    { type: 'number', min: 0, step: 'any', inputmode: 'decimal' },
  );
  const period = selectField({ label: 'For each', name: 'budget.period', value: budget?.period ?? 'month' }, [
    ['day', 'day (UTC)'],
    ['month', 'month (UTC)'],
    ['total', 'key, in all'],
  ]);
  const expiryText = localTime(present.expiresAt);
  const expiry = inputField(
    { label: 'Expires', name: 'expiresAt', value: expiryText, hint: 'In your own time zone. Empty: never.' },
    { type: 'datetime-local' },
  );
  return {
    content: [
      name.node,
      models.node,
      fieldRow(tiers, defaultTier),
      element('p', { class: 'form-note' }, 'An empty limit is no limit.'),
      fieldRow(perMinute, perDay, tokens),
      fieldRow(usd, period),
      expiry.node,
    ],
    terms: () => ({
      name: name.input.value.trim(),
      models: linesOf(models.input.value),
      tiers: tiers.chosen(),
      defaultTier: defaultTier.input.value === '' ? null : defaultTier.input.value,
      limits: {
        requestsPerMinute: numberOf(perMinute.input),
        requestsPerDay: numberOf(perDay.input),
        tokensPerMinute: numberOf(tokens.input),
      },
      budget: usd.input.value === '' ? null : { usd: Number(usd.input.value), period: period.input.value },
      // The field knows no seconds: what nobody touched stays as exact as it was.
      expiresAt: expiry.input.value === expiryText ? present.expiresAt : isoTime(expiry.input.value),
    }),
  };
}

function countField(label: string, name: string, value: number | null): ReturnType<typeof inputField> {
  const text = value === null ? '' : String(value);
  return inputField({ label, name, value: text }, { type: 'number', min: 1, max: 1e9, step: 1, inputmode: 'numeric' });
}

function numberOf(input: HTMLInputElement): number | null {
  return input.value === '' ? null : Number(input.value);
}

/** As the field writes it: `2027-01-31T09:30`, here. */
function localTime(iso: string | null): string {
  if (iso === null) return '';
  const time = new Date(iso);
  return new Date(time.getTime() - time.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function isoTime(local: string): string | null {
  return local === '' ? null : new Date(local).toISOString();
}
