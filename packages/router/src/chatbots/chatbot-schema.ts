import { SECURITY_TIERS } from '@sotto/protocol';
import { z } from 'zod';
import type { Chatbot } from './chatbot.ts';

/** One week: how long a conversation is kept where nothing else is said. */
export const DEFAULT_TTL_SECONDS = 604_800;
/** A year. */
const MAX_TTL_SECONDS = 31_536_000;
const MAX_PROMPT_CHARACTERS = 65_536;
const MAX_PARAMETERS_CHARACTERS = 16_384;

/** What the router itself writes into a request, or what would make an answer something else than one text. */
const RESERVED = [
  'cache_salt',
  'function_call',
  'functions',
  'messages',
  'model',
  'n',
  'security_tier',
  'stream',
  'stream_options',
  'tool_choice',
  'tools',
];

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'letters, digits, dots, dashes and underscores, 64 at most');

const printable = (maxCharacters: number) =>
  z
    .string()
    .max(maxCharacters)
    .regex(/^\P{Cc}*$/u, 'text without control characters');

const parameters = z
  .record(
    z
      .string()
      .regex(/^[a-z][a-z0-9_]{0,63}$/, 'a parameter of the chat request: small letters, digits and underscores')
      .refine((parameter) => !RESERVED.includes(parameter), 'this is not a parameter that a chatbot can set'),
    z.unknown(),
  )
  .refine((value) => JSON.stringify(value).length <= MAX_PARAMETERS_CHARACTERS, 'too long');

/** A chatbot as an operator defines it, in the configuration or by the administration API. */
export const chatbotSchema = z.strictObject({
  id: name.describe('Stands in the addresses of its routes.'),
  name: printable(200).min(1),
  type: name.default('assistant').describe('What it is for, in the operator’s word.'),
  description: printable(2_000).default(''),
  model: z.string().min(1).max(256).describe('A model or alias that the router offers.'),
  systemPrompt: z.string().max(MAX_PROMPT_CHARACTERS).default(''),
  parameters: parameters
    .default({})
    .describe('Members of the chat request, such as temperature; they win over the caller’s.'),
  tier: z.enum(SECURITY_TIERS).optional().describe('Least tier of its conversations.'),
  ttlSeconds: z
    .int()
    .min(60)
    .max(MAX_TTL_SECONDS)
    .optional()
    .describe('How long a conversation is kept after its last message.'),
});

/** A chatbot of its checked definition. */
export function chatbotOf({ tier, ttlSeconds, ...definition }: z.output<typeof chatbotSchema>): Chatbot {
  return { ...definition, tier, ttlSeconds };
}
