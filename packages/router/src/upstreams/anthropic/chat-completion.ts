import { apiError } from '@sotto/protocol';
import { z } from 'zod';
import { readJsonObject } from '../../http/json-object.ts';
import {
  type AnswerBlock,
  blockSchema,
  type ChatUsage,
  chatUsage,
  type FinishReason,
  finishReasonOf,
  stopFields,
  usageSchema,
} from './answer-parts.ts';
import type { ThinkingBlock } from './messages-api.ts';

const message = z.object({
  type: z.literal('message'),
  id: z.string(),
  model: z.string(),
  content: z.array(blockSchema),
  usage: usageSchema,
  ...stopFields,
  stop_reason: z.string(),
});

/** OpenAI's chat completion object, with `reasoning_content` and `thinking_blocks` where the model showed its thoughts. */
export interface ChatCompletion {
  readonly id: string;
  readonly object: 'chat.completion';
  /** Unix time, seconds. */
  readonly created: number;
  readonly model: string;
  readonly choices: readonly [
    { readonly index: 0; readonly message: ChatMessage; readonly logprobs: null; readonly finish_reason: FinishReason },
  ];
  readonly usage: ChatUsage;
}

interface ChatMessage {
  readonly role: 'assistant';
  readonly content: string | null;
  readonly refusal: string | null;
  readonly reasoning_content?: string;
  readonly thinking_blocks?: readonly ThinkingBlock[];
  readonly tool_calls?: readonly ToolCall[];
}

interface ToolCall {
  readonly id: string;
  readonly type: 'function';
  readonly function: { readonly name: string; readonly arguments: string };
}

/**
 * Translates an answer of the Messages API. Blocks that OpenAI's form has no place for are left out.
 * @param created Unix time, seconds
 * @throws ServerError `upstream_invalid_response`
 */
export function readMessage(body: Uint8Array, created: number): ChatCompletion {
  const parsed = message.safeParse(readJsonObject(body));
  if (!parsed.success) throw notAMessage();
  const { id, model, content, usage, stop_reason, stop_details } = parsed.data;
  const refusal = stop_reason === 'refusal' ? (stop_details?.explanation ?? null) : null;
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: [
      {
        index: 0,
        message: chatMessage(content, refusal),
        logprobs: null,
        finish_reason: finishReasonOf(stop_reason),
      },
    ],
    usage: chatUsage(usage),
  };
}

function chatMessage(blocks: readonly AnswerBlock[], refusal: string | null): ChatMessage {
  const text = blocks.flatMap((block) => (block.type === 'text' ? [block.text ?? ''] : []));
  const thinking = blocks.flatMap(thinkingOf);
  const thoughts = thinking.map((block) => (block.type === 'thinking' ? block.thinking : '')).join('');
  const calls = blocks.filter(({ type }) => type === 'tool_use').map(toolCall);
  return {
    role: 'assistant',
    content: text.length === 0 ? null : text.join(''),
    refusal,
    ...(thoughts === '' ? {} : { reasoning_content: thoughts }),
    ...(thinking.length === 0 ? {} : { thinking_blocks: thinking }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
}

/** A block of thought as it has to go back with the next request; none where the block is another. */
export function thinkingOf(block: AnswerBlock): readonly ThinkingBlock[] {
  const { type, thinking, signature, data } = block;
  if (type === 'thinking' && thinking !== undefined && signature !== undefined) return [{ type, thinking, signature }];
  return type === 'redacted_thinking' && data !== undefined ? [{ type, data }] : [];
}

function toolCall({ id, name, input }: AnswerBlock): ToolCall {
  if (id === undefined || name === undefined) throw notAMessage();
  return { id, type: 'function', function: { name, arguments: JSON.stringify(input ?? {}) } };
}

function notAMessage(): Error {
  return apiError('upstream_invalid_response', 'the model server answered with something that is not a message');
}
