import { z } from 'zod';

// The Messages API refuses what it does not know: every object here is strict.
const cache_control = z.strictObject({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() }).optional();
const base64 = (types: readonly [string, ...string[]]) =>
  z.strictObject({ type: z.literal('base64'), media_type: z.enum(types), data: z.string().min(1) });
const url = z.strictObject({ type: z.literal('url'), url: z.url() });
const toolId = z.string().regex(/^[a-zA-Z0-9_-]+$/);

const text = z.strictObject({ type: z.literal('text'), text: z.string().regex(/\S/), cache_control });
const image = z.strictObject({
  type: z.literal('image'),
  source: z.union([url, base64(['image/jpeg', 'image/png', 'image/gif', 'image/webp'])]),
  cache_control,
});
const document = z.strictObject({
  type: z.literal('document'),
  source: base64(['application/pdf']),
  title: z.string().optional(),
  cache_control,
});
const toolUse = z.strictObject({
  type: z.literal('tool_use'),
  id: toolId,
  name: z.string().min(1),
  input: z.looseObject({}),
});
const toolResult = z.strictObject({
  type: z.literal('tool_result'),
  tool_use_id: toolId,
  content: z
    .array(z.union([text, image, document]))
    .min(1)
    .optional(),
});
const thinking = z.strictObject({ type: z.literal('thinking'), thinking: z.string(), signature: z.string().min(1) });
const redacted = z.strictObject({ type: z.literal('redacted_thinking'), data: z.string().min(1) });

const turn = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('user'), content: z.array(z.union([text, image, document, toolResult])).min(1) }),
  z.strictObject({
    role: z.literal('assistant'),
    content: z.array(z.union([text, toolUse, thinking, redacted])).min(1),
  }),
]);
type Turn = z.output<typeof turn>;

const oneAtATime = { disable_parallel_tool_use: z.boolean().optional() };
const request = z.strictObject({
  model: z.string().min(1),
  max_tokens: z.int().min(1),
  messages: z.array(turn).min(1),
  system: z.array(text).min(1).optional(),
  stream: z.boolean().optional(),
  temperature: z.number().min(0).max(1).optional(),
  top_p: z.number().min(0).max(1).optional(),
  top_k: z.int().min(1).optional(),
  stop_sequences: z.array(z.string().min(1)).min(1).optional(),
  tools: z
    .array(
      z.strictObject({
        name: z.string().regex(/^[a-zA-Z0-9_-]{1,128}$/),
        description: z.string().optional(),
        input_schema: z.looseObject({ type: z.literal('object') }),
        strict: z.boolean().optional(),
        cache_control,
      }),
    )
    .min(1)
    .optional(),
  tool_choice: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('none') }),
      z.strictObject({ type: z.enum(['auto', 'any']), ...oneAtATime }),
      z.strictObject({ type: z.literal('tool'), name: z.string(), ...oneAtATime }),
    ])
    .optional(),
  thinking: z.looseObject({ type: z.enum(['enabled', 'disabled', 'adaptive']) }).optional(),
  output_config: z
    .strictObject({
      effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).optional(),
      format: z.strictObject({ type: z.literal('json_schema'), schema: z.looseObject({}) }).optional(),
    })
    .optional(),
  metadata: z.strictObject({ user_id: z.string().max(256) }).optional(),
  cache_control,
  inference_geo: z.string().optional(),
});

/** The versions of the API: the newer takes no sampling parameters. */
const VERSIONS: ReadonlyMap<unknown, z.ZodType<z.output<typeof request>>> = new Map([
  ['2023-06-01', request],
  ['2026-10-21', request.omit({ temperature: true, top_p: true, top_k: true })],
]);

/** What the Messages API would find wrong with a request, in its own manner of speaking; null for nothing. */
export function problemOf(body: unknown, version: unknown = '2023-06-01'): string | null {
  const rules = VERSIONS.get(version);
  if (rules === undefined) return 'anthropic-version: a known version is required';
  const parsed = rules.safeParse(body);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return `${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}`;
  }
  const { messages, tools, tool_choice } = parsed.data;
  if (tool_choice !== undefined && tools === undefined) return 'tool_choice: may only be given with tools';
  if (messages[0]?.role !== 'user') return 'messages: the first must be the user’s';
  return (
    messages.map((each, index) => turnProblem(each, messages[index - 1], messages[index + 1], index)).find(Boolean) ??
    null
  );
}

function turnProblem(turn: Turn, before: Turn | undefined, after: Turn | undefined, index: number): string | null {
  if (before?.role === turn.role) return `messages.${index}: roles must alternate`;
  const types = turn.content.map(({ type }) => type);
  if (types.lastIndexOf('tool_result') >= types.filter((type) => type === 'tool_result').length) {
    return `messages.${index}: tool_result blocks must come first`;
  }
  const asked = idsOf(turn, 'tool_use');
  if (asked.length > 0 && types.indexOf('tool_use') < types.length - asked.length) {
    return `messages.${index}: tool_use blocks must come last`;
  }
  if (asked.length > 0 && asked.join() !== (after === undefined ? '' : idsOf(after, 'tool_result').join())) {
    return `messages.${index}: each tool_use must have its tool_result in the next message`;
  }
  const answered = idsOf(turn, 'tool_result');
  if (answered.length > 0 && answered.join() !== (before === undefined ? '' : idsOf(before, 'tool_use').join())) {
    return `messages.${index}: unexpected tool_use_id in tool_result blocks`;
  }
  return null;
}

function idsOf(turn: Turn, type: 'tool_use' | 'tool_result'): readonly string[] {
  return turn.content.flatMap((block) => {
    if (block.type === 'tool_use' && type === 'tool_use') return [block.id];
    return block.type === 'tool_result' && type === 'tool_result' ? [block.tool_use_id] : [];
  });
}
