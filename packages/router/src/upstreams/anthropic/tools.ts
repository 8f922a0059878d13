import { apiError } from '@sotto/protocol';
import { z } from 'zod';
import type { Tool, ToolChoice } from './messages-api.ts';

const MAX_TOOLS = 1_024;
const onlyFunctions = 'only tools of type function can be had';

const toolSchema = z.object({
  type: z.literal('function', onlyFunctions),
  function: z.object({
    name: z.string().min(1),
    description: z.string().nullish(),
    parameters: z.looseObject({}).nullish(),
    strict: z.boolean().nullish(),
  }),
  cache_control: z.looseObject({ type: z.string() }).nullish(),
});

/** OpenAI's fields about tools (API reference, "Create chat completion"). */
export const toolFields = {
  tools: z.array(z.unknown(), 'a list of tools').max(MAX_TOOLS).pipe(z.array(toolSchema)).nullish(),
  tool_choice: z
    .union(
      [
        z.enum(['auto', 'none', 'required']),
        z.object({ type: z.literal('function'), function: z.object({ name: z.string().min(1) }) }),
      ],
      'auto, none, required, or a function by its name',
    )
    .nullish(),
  parallel_tool_calls: z.boolean().nullish(),
};
type ToolFields = z.output<z.ZodObject<typeof toolFields>>;

/**
 * The tools and how to choose among them, as the Messages API takes them.
 * @throws InvalidRequestError `invalid_request` where a tool must be called and there is none
 */
export function readTools(fields: ToolFields): { readonly tools?: readonly Tool[]; readonly tool_choice?: ToolChoice } {
  const tools = (fields.tools ?? []).map(toolOf);
  const choice = choiceOf(fields);
  if (tools.length > 0) return { tools, ...(choice === null ? {} : { tool_choice: choice }) };
  if (choice?.type === 'any' || choice?.type === 'tool') {
    throw apiError('invalid_request', 'tool_choice: there are no tools to choose from', { param: 'tool_choice' });
  }
  return {};
}

function toolOf({ function: tool, cache_control }: z.output<typeof toolSchema>): Tool {
  const description = tool.description ?? null;
  return {
    name: tool.name,
    ...(description === null ? {} : { description }),
    // OpenAI lets the type be left out, and all of the parameters; the Messages API does not.
    input_schema: { type: 'object', ...(tool.parameters ?? { properties: {} }) },
    ...(tool.strict === true ? { strict: true } : {}),
    ...(cache_control === undefined || cache_control === null ? {} : { cache_control }),
  };
}

function choiceOf({ tool_choice: choice, parallel_tool_calls: parallel }: ToolFields): ToolChoice | null {
  const oneAtATime = parallel === false ? ({ disable_parallel_tool_use: true } as const) : {};
  switch (choice) {
    case undefined:
    case null:
      return parallel === false ? { type: 'auto', ...oneAtATime } : null;
    case 'none':
      return { type: 'none' };
    case 'auto':
      return { type: 'auto', ...oneAtATime };
    case 'required':
      return { type: 'any', ...oneAtATime };
    default:
      return { type: 'tool', name: choice.function.name, ...oneAtATime };
  }
}
