import { apiError } from '@sotto/protocol';
import type { GbnfJsonSchema, LlamaGrammar } from 'node-llama-cpp';
import { z } from 'zod';
import { translateJsonSchema } from './json-schema.ts';
import type { LoadedModel } from './loaded-model.ts';

/** What the answer's text must be. */
export type ResponseFormat =
  | { readonly type: 'text' }
  | { readonly type: 'json_object' }
  | { readonly type: 'json_schema'; readonly schema: GbnfJsonSchema };

const responseFormat = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('text') }),
  z.looseObject({ type: z.literal('json_object') }),
  z.looseObject({ type: z.literal('json_schema'), json_schema: z.looseObject({ schema: z.unknown() }) }),
]);

const PARAM = 'response_format';

/**
 * Reads `response_format`.
 * @throws InvalidRequestError `invalid_request` for an unknown type, and for a schema that cannot be enforced
 */
export function parseResponseFormat(value: unknown): ResponseFormat {
  if (value === undefined || value === null) return { type: 'text' };
  const parsed = responseFormat.safeParse(value);
  if (!parsed.success) {
    throw apiError('invalid_request', 'response_format is of type text, json_object or json_schema', { param: PARAM });
  }
  const format = parsed.data;
  if (format.type !== 'json_schema') return { type: format.type };
  return { type: 'json_schema', schema: translateJsonSchema(format.json_schema.schema, `${PARAM}.json_schema.schema`) };
}

/** Makes the grammar that holds the model to a format. @returns null where any text will do */
export function grammarOf(loaded: LoadedModel, format: ResponseFormat): Promise<LlamaGrammar | null> {
  switch (format.type) {
    case 'text':
      return Promise.resolve(null);
    case 'json_object':
      return loaded.llama.getGrammarFor('json');
    case 'json_schema':
      return loaded.llama.createGrammarForJsonSchema<GbnfJsonSchema>(format.schema);
    default:
      return format satisfies never;
  }
}
