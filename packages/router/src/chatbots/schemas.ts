import { SECURITY_TIERS } from '@sotto/protocol';
import { z } from 'zod';

const MAX_MESSAGE_CHARACTERS = 262_144;

const stream = z.boolean('true or false').nullish().describe('Answer with server-sent events.');
const securityTier = z
  .enum(SECURITY_TIERS, `one of ${SECURITY_TIERS.join(', ')}`)
  .nullish()
  .describe('Least tier of the upstream; above standard only for encrypted requests.');

/** A message to a chatbot; members that are not known are passed over. */
export const messageRequestSchema = z.looseObject({
  message: z
    .string('a message is needed')
    .min(1, 'a message is needed')
    .max(MAX_MESSAGE_CHARACTERS, `a message has at most ${MAX_MESSAGE_CHARACTERS} characters`),
  conversation_id: z
    .string('the id of a conversation, or nothing')
    .nullish()
    .describe('Continues that conversation; left out, a new one is begun.'),
  stream,
  security_tier: securityTier,
});

/** A chat request to a chatbot, which brings the model; everything else passes through. */
export const completionRequestSchema = z.looseObject({
  messages: z
    .array(z.looseObject({ role: z.string('each message needs a role') }), 'a list of messages is needed')
    .min(1, 'at least one message is needed'),
  model: z.unknown().optional().describe('Ignored: the chatbot’s own answers.'),
  stream,
  security_tier: securityTier,
});

/** A chatbot’s answer. */
export const messageAnswerSchema = z.object({
  conversation_id: z.string(),
  response: z.string(),
  sources: z.array(z.unknown()).describe('Always empty: chatbots here have no documents.'),
  timestamp: z.iso.datetime(),
  message_count: z.int().describe('Messages of the conversation that are kept, those of this turn among them.'),
  usage: z.looseObject({}).nullable().describe('As the model server told it.'),
});

/** The chatbots that a key may talk to. */
export const chatbotListSchema = z.object({
  chatbots: z.array(
    z.object({ id: z.string(), name: z.string(), type: z.string(), description: z.string(), model: z.string() }),
  ),
});

/** A conversation as its owner reads it. */
export const conversationSchema = z.object({
  conversation_id: z.string(),
  chatbot_id: z.string(),
  messages: z.array(z.object({ role: z.enum(['user', 'assistant']), content: z.string() })),
  message_count: z.int(),
  expires_at: z.iso.datetime(),
});

/** A conversation that is no more. */
export const deletedConversationSchema = z.object({ conversation_id: z.string(), deleted: z.literal(true) });

/** A model as OpenAI lists it. */
export const chatbotModelSchema = z.object({
  id: z.string(),
  object: z.literal('model'),
  created: z.int(),
  owned_by: z.literal('chatbot'),
});

/** The chatbot’s own model, and no other. */
export const chatbotModelListSchema = z.object({ object: z.literal('list'), data: z.array(chatbotModelSchema) });

/** What of a chat completion the router reads. */
export const answeredTextSchema = z.looseObject({
  choices: z.tuple([z.looseObject({ message: z.looseObject({ content: z.string() }) })], z.unknown()),
  usage: z.looseObject({}).nullish(),
});

/** What of a piece of a streamed chat completion the router reads. */
export const answeredPieceSchema = z.looseObject({
  choices: z.array(z.looseObject({ delta: z.looseObject({ content: z.string().nullish() }).nullish() })).nullish(),
  usage: z.looseObject({}).nullish(),
  error: z.looseObject({}).nullish(),
});
