import { apiError } from '@sotto/protocol';
import { z } from 'zod';
import { parseFields, refuseUnsupported, sharedFields } from '../request-fields.ts';
import { type GenerationRequest, type StreamRequest, samplingOf, stopOf, streamOf } from './generation-request.ts';
import { parseResponseFormat } from './response-format.ts';

/** A message as the chat template takes it. */
export interface ChatMessage {
  readonly role: 'system' | 'user' | 'assistant';
  readonly text: string;
}

/** A chat completion, asked for. */
export interface ChatRequest extends GenerationRequest, StreamRequest {
  /** At least one. Where the last is the assistant's, the answer continues it. */
  readonly messages: readonly ChatMessage[];
  readonly model: string | null;
}

const contentPart = z.looseObject({ type: z.string(), text: z.string().optional() });
const content = z.union([z.string(), z.array(contentPart)]).nullish();
/** `tool` and `function` are left out on purpose: they answer calls that this model never makes. */
const role = z.enum(['system', 'developer', 'user', 'assistant']);

/** Templates are rendered on the event loop; this many short messages take a fifth of a second. */
const MAX_MESSAGES = 2_048;

const chatFields = z.looseObject({
  ...sharedFields,
  messages: z.array(z.looseObject({ role, content })).min(1).max(MAX_MESSAGES),
  max_completion_tokens: z.int().min(1).nullish(),
  response_format: z.unknown().optional(),
});

const UNSUPPORTED = ['tools', 'functions', 'logprobs', 'logit_bias', 'audio', 'web_search_options'] as const;

/**
 * Reads the body of `POST /chat/completions`.
 * @throws InvalidRequestError `invalid_json` or `invalid_request`, with the field in `param`
 */
export function parseChatRequest(body: Uint8Array | null): ChatRequest {
  const fields = parseFields(chatFields, body);
  refuseUnsupported(fields, UNSUPPORTED);
  return {
    messages: fields.messages.map(readMessage),
    model: fields.model ?? null,
    sampling: samplingOf(fields),
    stop: stopOf(fields),
    // OpenAI's API reference: max_tokens is the deprecated name of max_completion_tokens.
    maxTokens: fields.max_completion_tokens ?? fields.max_tokens ?? null,
    format: parseResponseFormat(fields.response_format),
    ...streamOf(fields),
  };
}

function readMessage(message: z.output<typeof chatFields>['messages'][number], index: number): ChatMessage {
  const text = readContent(message.content ?? null, `messages[${index}].content`);
  const calls = message['tool_calls'] ?? message['function_call'] ?? null;
  if (calls !== null && !(Array.isArray(calls) && calls.length === 0)) {
    const param = `messages[${index}].tool_calls`;
    throw apiError('invalid_request', 'the built-in model server does not support tool calls', { param });
  }
  return { role: message.role === 'developer' ? 'system' : message.role, text };
}

function readContent(value: string | readonly z.output<typeof contentPart>[] | null, param: string): string {
  if (value === null || typeof value === 'string') return value ?? '';
  return value
    .map((part, index) => {
      if (part.type === 'text' && part.text !== undefined) return part.text;
      throw apiError('invalid_request', 'the built-in model server reads parts of type text only', {
        param: `${param}[${index}]`,
      });
    })
    .join('');
}
