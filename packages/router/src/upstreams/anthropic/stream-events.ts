import { apiError } from '@sotto/protocol';
import { z } from 'zod';
import { blockSchema, stopFields, usageSchema } from './answer-parts.ts';

const index = z.int().min(0);

const messageStart = z.object({
  type: z.literal('message_start'),
  message: z.object({ id: z.string(), model: z.string(), usage: usageSchema }),
});
const blockStart = z.object({ type: z.literal('content_block_start'), index, content_block: blockSchema });
const blockDelta = z.object({
  type: z.literal('content_block_delta'),
  index,
  delta: z.object({
    type: z.string(),
    text: z.string().optional(),
    partial_json: z.string().optional(),
    thinking: z.string().optional(),
    signature: z.string().optional(),
  }),
});
const blockStop = z.object({ type: z.literal('content_block_stop'), index });
const messageDelta = z.object({
  type: z.literal('message_delta'),
  delta: z.object(stopFields),
  usage: usageSchema.nullish(),
});
const messageStop = z.object({ type: z.literal('message_stop') });
const failure = z.object({ type: z.literal('error'), error: z.object({ type: z.string() }) });

/** One event of a streamed message. */
export type StreamEvent = z.output<
  | typeof messageStart
  | typeof blockStart
  | typeof blockDelta
  | typeof blockStop
  | typeof messageDelta
  | typeof messageStop
  | typeof failure
>;
/** What a `content_block_delta` adds. */
export type BlockDelta = z.output<typeof blockDelta>['delta'];

/**
 * Anthropic's streaming reference: the events that carry something; others are to be ignored, it says. By their type,
 * and not in a union: one of them comes for every token.
 */
const SCHEMAS: ReadonlyMap<unknown, z.ZodType<StreamEvent>> = new Map<unknown, z.ZodType<StreamEvent>>([
  ['content_block_delta', blockDelta],
  ['message_start', messageStart],
  ['content_block_start', blockStart],
  ['content_block_stop', blockStop],
  ['message_delta', messageDelta],
  ['message_stop', messageStop],
  ['error', failure],
]);

/**
 * Reads the data of one event.
 * @returns null for events that say nothing here: pings, and what later versions bring
 * @throws ServerError `upstream_invalid_response`
 */
export function readStreamEvent(data: string): StreamEvent | null {
  const value = parseJson(data);
  if (typeof value !== 'object' || value === null || !('type' in value)) throw malformed();
  const schema = SCHEMAS.get(value.type);
  if (schema === undefined) return null;
  const event = schema.safeParse(value);
  if (!event.success) throw malformed();
  return event.data;
}

function parseJson(data: string): unknown {
  try {
    return JSON.parse(data);
  } catch {
    // The parser's own message quotes the text: it stays here.
    return null;
  }
}

function malformed(): Error {
  return apiError('upstream_invalid_response', 'the model server sent an event that cannot be read');
}
