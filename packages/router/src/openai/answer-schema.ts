import { z } from 'zod';

/** Media type of server-sent events (WHATWG HTML, server-sent events). */
export const EVENT_STREAM = 'text/event-stream';

const usage = z.looseObject({
  prompt_tokens: z.int(),
  completion_tokens: z.int().optional(),
  total_tokens: z.int().optional(),
});

/** What a model server answers a chat request with; whatever else it says passes through. */
export const chatAnswerSchema = z.looseObject({
  id: z.string(),
  object: z.literal('chat.completion'),
  created: z.int(),
  model: z.string(),
  choices: z.array(
    z.looseObject({
      index: z.int(),
      message: z.looseObject({ role: z.string(), content: z.string().nullish() }),
      finish_reason: z.string().nullable(),
    }),
  ),
  usage: usage.nullish(),
});

/** What a model server answers a request for a text completion with. */
export const completionAnswerSchema = z.looseObject({
  id: z.string(),
  object: z.literal('text_completion'),
  created: z.int(),
  model: z.string(),
  choices: z.array(z.looseObject({ index: z.int(), text: z.string(), finish_reason: z.string().nullable() })),
  usage: usage.nullish(),
});

/** What a model server answers a request for embeddings with. */
export const embeddingAnswerSchema = z.looseObject({
  object: z.literal('list'),
  model: z.string(),
  data: z.array(
    z.looseObject({
      object: z.literal('embedding'),
      index: z.int(),
      embedding: z.union([z.array(z.number()), z.base64()]),
    }),
  ),
  usage: usage.nullish(),
});

/** A model of the list. */
export const modelSchema = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.int(),
  owned_by: z.string(),
});

/** The models that the caller's key allows. */
export const modelListSchema = z.object({ object: z.literal('list'), data: z.array(modelSchema) });
