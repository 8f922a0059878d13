import type { SecurityTier } from '@sotto/protocol';
import type { JsonObject } from '../http/json-object.ts';

/** A chatbot: a model with a system prompt and parameters, under a name of its own. */
export interface Chatbot {
  /** Letters, digits, dots, dashes and underscores, 64 at most. */
  readonly id: string;
  readonly name: string;
  /** What it is for, in the operator's word: `assistant`, `customer_support`, `custom`. */
  readonly type: string;
  readonly description: string;
  /** A model or alias that the router offers. */
  readonly model: string;
  readonly systemPrompt: string;
  /** Members of the chat request: `temperature`, `max_tokens` and so on. */
  readonly parameters: JsonObject;
  /** Least tier of its conversations; undefined: as the request says. */
  readonly tier: SecurityTier | undefined;
  /** How long a conversation is kept after its last message; undefined: as the router's configuration says. */
  readonly ttlSeconds: number | undefined;
}
