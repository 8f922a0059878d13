import { z } from 'zod';

const tokenCount = z.int().min(0);

/** Anthropic's `usage`, whole in an answer, in parts in a stream: what is left out there has not changed. */
export const usageSchema = z.object({
  input_tokens: tokenCount.nullish(),
  cache_creation_input_tokens: tokenCount.nullish(),
  cache_read_input_tokens: tokenCount.nullish(),
  output_tokens: tokenCount.nullish(),
  output_tokens_details: z.object({ thinking_tokens: tokenCount.nullish() }).nullish(),
});
/** See {@link usageSchema}. */
export type MessageUsage = z.output<typeof usageSchema>;

/** Why the model stopped, and what is said of a refusal. */
export const stopFields = {
  stop_reason: z.string().nullish(),
  stop_details: z.object({ explanation: z.string().nullish() }).nullish(),
};

/** A content block of any type, with the members of those that are read. */
export const blockSchema = z.object({
  type: z.string(),
  text: z.string().optional(),
  thinking: z.string().optional(),
  signature: z.string().optional(),
  data: z.string().optional(),
  id: z.string().optional(),
  name: z.string().optional(),
  input: z.unknown().optional(),
});
/** See {@link blockSchema}. */
export type AnswerBlock = z.output<typeof blockSchema>;

/** OpenAI's `finish_reason`. */
export type FinishReason = 'stop' | 'length' | 'tool_calls' | 'content_filter';

/** OpenAI's word for why the model stopped; of reasons that are not known, the one that promises least. */
export function finishReasonOf(stopReason: string): FinishReason {
  switch (stopReason) {
    case 'end_turn':
    case 'stop_sequence':
      return 'stop';
    case 'tool_use':
      return 'tool_calls';
    case 'refusal':
      return 'content_filter';
    default:
      // max_tokens, model_context_window_exceeded, and pause_turn, which only tools of the server's own lead to
      return 'length';
  }
}

/** OpenAI's `usage`. */
export interface ChatUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly prompt_tokens_details: { readonly cached_tokens: number };
  readonly completion_tokens_details?: { readonly reasoning_tokens: number };
}

/** OpenAI's counts of Anthropic's: there, tokens read from and written to the cache are not in `input_tokens`. */
export function chatUsage(usage: MessageUsage): ChatUsage {
  const cached = usage.cache_read_input_tokens ?? 0;
  const prompt = (usage.input_tokens ?? 0) + cached + (usage.cache_creation_input_tokens ?? 0);
  const completion = usage.output_tokens ?? 0;
  const thinking = usage.output_tokens_details?.thinking_tokens ?? null;
  return {
    prompt_tokens: prompt,
    completion_tokens: completion,
    total_tokens: prompt + completion,
    prompt_tokens_details: { cached_tokens: cached },
    ...(thinking === null ? {} : { completion_tokens_details: { reasoning_tokens: thinking } }),
  };
}

/** The counts so far, brought up to date. */
export function updatedUsage(before: MessageUsage, update: MessageUsage): MessageUsage {
  const told = Object.entries(update).filter(([, value]) => value !== null && value !== undefined);
  return { ...before, ...Object.fromEntries(told) };
}
