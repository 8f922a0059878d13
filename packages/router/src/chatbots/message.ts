import { apiError, type SecurityTier } from '@sotto/protocol';
import { sendBytes, sendJson } from '../http/answer.ts';
import type { Exchange } from '../http/exchange.ts';
import { checkBody, readJsonBody } from '../http/json-body.ts';
import { readJsonObject } from '../http/json-object.ts';
import { turnsInWindow } from './context-window.ts';
import { type Conversation, conversationNotFound } from './conversations.ts';
import { findChatbot } from './find-chatbot.ts';
import { InnerAnswer, innerExchange, passedHeaders } from './inner-exchange.ts';
import { answeredTier, type KeepTurn, messageAnswer } from './kept-turn.ts';
import { higherTier, raiseNamedTier } from './least-tier.ts';
import { promptBody } from './prompt.ts';
import type { ChatbotRoutesOptions } from './routes-options.ts';
import { answeredTextSchema, messageRequestSchema } from './schemas.ts';
import { TurnStream } from './turn-stream.ts';

/** Answers a message to a chatbot, and keeps both in its conversation once the answer is whole. */
export async function answerMessage(
  exchange: Exchange,
  options: ChatbotRoutesOptions,
  chatbotId: string | undefined,
): Promise<void> {
  const caller = options.authenticate(exchange.request);
  const chatbot = findChatbot(options, chatbotId, caller);
  const { value } = await readJsonBody(exchange.request, options.maxBodyBytes);
  const asked = checkBody(messageRequestSchema, value);
  const owner = { chatbotId: chatbot.id, keyId: caller.keyId };
  const { conversations } = options;
  const conversation =
    typeof asked.conversation_id === 'string'
      ? await conversations.open(owner, asked.conversation_id)
      : conversations.begin(owner);
  if (conversation === null) {
    // Looking for conversations counts like any other request.
    await options.admit(exchange);
    throw conversationNotFound();
  }
  const leastTier = higherTier(chatbot.tier, reachedTier(conversation));
  const { field, ...named } = raiseNamedTier(exchange.request, asked.security_tier, leastTier);
  const { message } = asked;
  const turns = turnsInWindow(conversation.history.turns, message, chatbot, options.contextTokens(chatbot.model));
  const stream = asked.stream ?? false;
  const body = promptBody({ chatbot, turns, message, stream, tierField: field });
  const keep: KeepTurn = async (answer) => {
    const turn = { message, answer: answer.text };
    const tier = answeredTier(answer.headers);
    return messageAnswer(await conversations.append(chatbot, conversation, { turn, tier }), answer, options.now());
  };
  if (stream) {
    const turn = new TurnStream(exchange.sink);
    await options.complete(innerExchange(exchange, named, body, turn), leastTier, { showsUsage: true });
    await turn.finish(keep, (error) => options.report(exchange.id, error));
  } else {
    const inner = new InnerAnswer(exchange.sink);
    await options.complete(innerExchange(exchange, named, body, inner), leastTier);
    await sendWhole(exchange, inner, keep);
  }
}

async function sendWhole({ sink }: Exchange, inner: InnerAnswer, keep: KeepTurn): Promise<void> {
  const { status, headers, body, complete } = await inner.answer;
  // Whatever the reason, and its reader's going away is one: nothing of half an answer is kept.
  if (!complete) throw apiError('upstream_failed', 'the answer broke off');
  if (status !== 200) return sendBytes(sink, status, headers, body);
  const parsed = answeredTextSchema.safeParse(readJsonObject(body));
  if (!parsed.success) throw apiError('upstream_invalid_response', 'the model server answered without a text');
  const [{ message }] = parsed.data.choices;
  const told = await keep({ text: message.content, headers, usage: parsed.data.usage ?? null });
  sendJson(sink, 200, told, passedHeaders(headers));
}

/** The tier of what was said before; a conversation that begins has none. */
function reachedTier({ version, history }: Conversation): SecurityTier | undefined {
  return version === 0 || history.tier === 'standard' ? undefined : history.tier;
}
