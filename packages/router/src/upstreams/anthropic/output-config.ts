import { apiError } from '@sotto/protocol';
import { z } from 'zod';
import type { OutputConfig } from './messages-api.ts';

const EFFORTS = ['none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'] as const;

/** OpenAI's fields about the answer's form and its thought; `thinking` as the Messages API itself takes it. */
export const outputFields = {
  response_format: z
    .looseObject({ type: z.string(), json_schema: z.looseObject({ schema: z.looseObject({}).optional() }).optional() })
    .nullish(),
  reasoning_effort: z.enum(EFFORTS).nullish(),
  thinking: z.looseObject({ type: z.string() }).nullish(),
};
type OutputFields = z.output<z.ZodObject<typeof outputFields>>;

/**
 * How the answer is to look and how much thought goes into it, as the Messages API takes it.
 * @throws InvalidRequestError `invalid_request` for `json_object`: the API has no JSON without a schema
 */
export function readOutputConfig(fields: OutputFields): {
  readonly output_config?: OutputConfig;
  readonly thinking?: unknown;
} {
  const config: OutputConfig = { ...effortOf(fields), ...formatOf(fields) };
  const thinking = fields.thinking ?? (fields.reasoning_effort === 'none' ? { type: 'disabled' } : null);
  return {
    ...(Object.keys(config).length === 0 ? {} : { output_config: config }),
    ...(thinking === null ? {} : { thinking }),
  };
}

function effortOf({ reasoning_effort: effort }: OutputFields): Pick<OutputConfig, 'effort'> {
  if (effort === undefined || effort === null || effort === 'none') return {};
  // The API's least effort is low.
  return { effort: effort === 'minimal' ? 'low' : effort };
}

function formatOf({ response_format: format }: OutputFields): Pick<OutputConfig, 'format'> {
  const type = format?.type ?? 'text';
  if (type === 'text') return {};
  const schema = format?.json_schema?.schema;
  if (type === 'json_schema' && schema !== undefined) return { format: { type, schema } };
  throw apiError('invalid_request', 'response_format: this model answers with text, or with JSON of a json_schema', {
    param: 'response_format',
  });
}
