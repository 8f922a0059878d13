import type { Exchange } from '../http/exchange.ts';
import { checkBody, readJsonBody } from '../http/json-body.ts';
import { findChatbot } from './find-chatbot.ts';
import { innerExchange } from './inner-exchange.ts';
import { raiseNamedTier } from './least-tier.ts';
import { completionBody } from './prompt.ts';
import type { ChatbotRoutesOptions } from './routes-options.ts';
import { completionRequestSchema } from './schemas.ts';

/**
 * Answers a chat request in OpenAI's form with a chatbot. Nothing is kept: the messages are the caller's. The answer
 * is the router's own, byte for byte, streamed or in one piece.
 */
export async function answerCompletion(
  exchange: Exchange,
  options: ChatbotRoutesOptions,
  chatbotId: string | undefined,
): Promise<void> {
  const chatbot = findChatbot(options, chatbotId, options.authenticate(exchange.request));
  const body = await readJsonBody(exchange.request, options.maxBodyBytes);
  const { security_tier: named } = checkBody(completionRequestSchema, body.value);
  const { field, ...raised } = raiseNamedTier(exchange.request, named, chatbot.tier);
  const inner = innerExchange(exchange, raised, completionBody(chatbot, body, field), exchange.sink);
  await options.complete(inner, chatbot.tier);
}
