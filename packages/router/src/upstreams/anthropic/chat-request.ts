import { apiError } from '@sotto/protocol';
import { z } from 'zod';
import { parseFields } from '../request-fields.ts';
import { messageSchema, readConversation } from './conversation.ts';
import type { MessagesRequest } from './messages-api.ts';
import { outputFields, readOutputConfig } from './output-config.ts';
import { readTools, toolFields } from './tools.ts';
import { refuseUnsupported } from './unsupported-fields.ts';

/** A chat completion, asked for. */
export interface ChatRequest {
  /** What is sent to the Messages API. */
  readonly message: MessagesRequest;
  /** Whether the stream's last chunk counts the tokens. */
  readonly includeUsage: boolean;
}

/** What a translation depends on beside the request. */
export interface TranslationOptions {
  readonly stream: boolean;
  /** For requests that name no limit: the API wants one. */
  readonly defaultMaxTokens: number;
  /** The API's version, a date: what a request may hold depends on it. */
  readonly version: string;
}

/** Anthropic's API reference, "Versions": from this one on there are no sampling parameters. */
const WITHOUT_SAMPLING = '2026-10-21';
/** Messages, their parts and their calls together: they are checked on the event loop, and these take a tenth of a second. */
const MAX_PIECES = 20_000;

const chatFields = z.looseObject({
  model: z.string('a model name is needed').min(1),
  messages: z
    .array(z.unknown(), 'a list of messages is needed')
    .min(1, 'at least one message is needed')
    .refine((messages) => piecesIn(messages) <= MAX_PIECES, `at most ${MAX_PIECES} messages and parts`)
    .pipe(z.array(messageSchema)),
  stream_options: z.looseObject({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.int().min(1).nullish(),
  max_completion_tokens: z.int().min(1).nullish(),
  // OpenAI's range ends at 2. Cutting it down would answer another request than was made.
  temperature: z.number().min(0).max(1, 'this model takes at most 1').nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  top_k: z.int().min(-1).nullish(),
  stop: z.union([z.string(), z.array(z.string())], 'a text or a list of texts').nullish(),
  user: z.string().nullish(),
  safety_identifier: z.string().nullish(),
  metadata: z.looseObject({ user_id: z.string().nullish() }).nullish(),
  cache_control: z.looseObject({ type: z.string() }).nullish(),
  inference_geo: z.string().nullish(),
  ...toolFields,
  ...outputFields,
});
type ChatFields = z.output<typeof chatFields>;

/**
 * Translates the body of `POST /chat/completions`. Fields that neither API names are dropped: the Messages API
 * refuses requests with fields it does not know.
 * @throws InvalidRequestError `invalid_json` or `invalid_request`, with the field in `param`
 */
export function readChatRequest(body: Uint8Array | null, options: TranslationOptions): ChatRequest {
  const fields = parseFields(chatFields, body);
  refuseUnsupported(fields);
  const { system, turns } = readConversation(fields.messages);
  return {
    message: {
      model: fields.model,
      // OpenAI's API reference: max_tokens is the deprecated name of max_completion_tokens.
      max_tokens: fields.max_completion_tokens ?? fields.max_tokens ?? options.defaultMaxTokens,
      ...(system.length === 0 ? {} : { system }),
      messages: turns,
      ...samplingOf(fields, options.version),
      ...stopOf(fields),
      ...readTools(fields),
      ...readOutputConfig(fields),
      ...accountingOf(fields),
      ...(options.stream ? { stream: true } : {}),
    },
    includeUsage: fields.stream_options?.include_usage ?? false,
  };
}

function piecesIn(messages: readonly unknown[]): number {
  let pieces = messages.length;
  for (const message of messages) {
    if (typeof message !== 'object' || message === null) continue;
    for (const member of Object.values(message)) pieces += Array.isArray(member) ? member.length : 0;
  }
  return pieces;
}

type Sampling = Pick<MessagesRequest, 'temperature' | 'top_p' | 'top_k'>;

function samplingOf({ temperature, top_p, top_k }: ChatFields, version: string): Sampling {
  const sampling: Sampling = {
    // 1 is what both APIs do unasked; newer models refuse the field, and some both fields together.
    ...(isGiven(temperature) && temperature !== 1 ? { temperature } : {}),
    ...(isGiven(top_p) && top_p !== 1 ? { top_p } : {}),
    // vLLM's and llama.cpp's way to say that there is no limit: -1 and 0.
    ...(isGiven(top_k) && top_k > 0 ? { top_k } : {}),
  };
  const [param] = Object.keys(sampling);
  if (param === undefined || version < WITHOUT_SAMPLING) return sampling;
  throw apiError('invalid_request', `${param}: this model’s server does not support it; leave it out`, { param });
}

function stopOf({ stop }: ChatFields): Pick<MessagesRequest, 'stop_sequences'> {
  const stops = typeof stop === 'string' ? [stop] : (stop ?? []);
  return stops.length === 0 ? {} : { stop_sequences: stops };
}

type Accounting = Pick<MessagesRequest, 'metadata' | 'cache_control' | 'inference_geo'>;

function accountingOf({ metadata, safety_identifier, user, cache_control, inference_geo }: ChatFields): Accounting {
  const userId = metadata?.user_id ?? safety_identifier ?? user;
  return {
    ...(isGiven(userId) ? { metadata: { user_id: userId } } : {}),
    ...(isGiven(cache_control) ? { cache_control } : {}),
    ...(isGiven(inference_geo) ? { inference_geo } : {}),
  };
}

function isGiven<Value>(value: Value | null | undefined): value is Value {
  return value !== undefined && value !== null;
}
