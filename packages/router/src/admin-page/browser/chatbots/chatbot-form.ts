import { ApiFailure } from '../api-failure.ts';
import { areaField, fieldRow, inputField, selectField } from '../fields.ts';
import { asMembers, type Members, numberAt, orNull, textAt } from '../json-shape.ts';

/** A chatbot, as the router lists it. */
export interface ListedChatbot {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly description: string;
  readonly model: string;
  readonly systemPrompt: string;
  readonly parameters: Members;
  readonly tier: string | null;
  readonly ttlSeconds: number | null;
  readonly source: string;
}

/** The fields of a chatbot. */
export interface ChatbotForm {
  readonly content: readonly Node[];
  id(): string;
  /** What is sent. @throws ApiFailure where the parameters are no JSON */
  definition(): Members;
}

/** @throws UnexpectedAnswer */
export function chatbotOf(value: unknown): ListedChatbot {
  const bot = asMembers(value);
  return {
    id: textAt(bot, 'id'),
    name: textAt(bot, 'name'),
    type: textAt(bot, 'type'),
    description: textAt(bot, 'description'),
    model: textAt(bot, 'model'),
    systemPrompt: textAt(bot, 'systemPrompt'),
    parameters: asMembers(bot['parameters'], 'parameters'),
    tier: orNull(textAt, bot, 'tier'),
    ttlSeconds: orNull(numberAt, bot, 'ttlSeconds'),
    source: textAt(bot, 'source'),
  };
}

/** Makes the fields, filled with what a chatbot has now. */
export function chatbotForm(present: ListedChatbot | null): ChatbotForm {
  const id = inputField(
    {
      label: 'Id',
      name: 'id',
      value: present?.id ?? '',
      required: true,
      hint: 'Letters, digits, dots, dashes and underscores: it stands in addresses.',
    },
    { maxlength: 64, readonly: present !== null },
  );
  const name = inputField(
    { label: 'Name', name: 'name', value: present?.name ?? '', required: true },
    { maxlength: 200 },
  );
  const model = inputField(
    { label: 'Model', name: 'model', value: present?.model ?? '', required: true, hint: 'A model or an alias.' },
    { maxlength: 256 },
  );
  const type = inputField({ label: 'Type', name: 'type', value: present?.type ?? 'assistant' }, { maxlength: 64 });
  const description = inputField({ label: 'Description', name: 'description', value: present?.description ?? '' });
  const prompt = areaField({ label: 'System prompt', name: 'systemPrompt', value: present?.systemPrompt ?? '' }, 6);
  const parameters = areaField(
    {
      label: 'Parameters as JSON',
      name: 'parameters',
      value: JSON.stringify(present?.parameters ?? {}, null, 2),
      hint: 'Members of the chat request, such as { "temperature": 0.2 }.',
    },
    3,
  );
  const tier = selectField({ label: 'Least tier', name: 'tier', value: present?.tier ?? '' }, [
    ['', 'The caller’s'],
    ['standard', 'standard'],
    ['high', 'high'],
    ['maximum', 'maximum'],
  ]);
  const ttl = inputField(
    {
      label: 'Keep conversations for (seconds)',
      name: 'ttlSeconds',
      value: present?.ttlSeconds === null || present === null ? '' : String(present.ttlSeconds),
    },
    { type: 'number', min: 60, max: 31_536_000, step: 1 },
  );
  return {
    content: [
      fieldRow(id, name),
      fieldRow(model, type),
      description.node,
      prompt.node,
      parameters.node,
      fieldRow(tier, ttl),
    ],
    id: () => id.input.value.trim(),
    definition: () => ({
      name: name.input.value.trim(),
      model: model.input.value.trim(),
      type: type.input.value.trim(),
      description: description.input.value,
      systemPrompt: prompt.input.value,
      parameters: parse(parameters.input.value),
      ...(tier.input.value === '' ? {} : { tier: tier.input.value }),
      ...(ttl.input.value === '' ? {} : { ttlSeconds: Number(ttl.input.value) }),
    }),
  };
}

function parse(text: string): unknown {
  try {
    return text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    throw new ApiFailure('the parameters are not JSON', { status: 0, code: 'invalid_json', param: 'parameters' });
  }
}
