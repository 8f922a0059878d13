import { apiError } from '@sotto/protocol';
import type { z } from 'zod';
import { sendJson } from '../http/answer.ts';
import type { Exchange } from '../http/exchange.ts';
import type { Route, RouteHandler } from '../http/route-table.ts';
import { type ConversationOwner, conversationNotFound } from './conversations.ts';
import { findChatbot } from './find-chatbot.ts';
import { messagesOf } from './history.ts';
import type { ChatbotRoutesOptions } from './routes-options.ts';
import { conversationSchema, deletedConversationSchema } from './schemas.ts';

const PATH = '/api/v1/chatbot/external/:id/conversations/:conversation';
/** What was said is nobody's to keep on the way. */
const NO_STORE = { 'cache-control': 'no-store' };

/** A conversation, read and deleted by the key that made it. */
export function conversationRoutes(options: ChatbotRoutesOptions): readonly Route[] {
  const ofOwner =
    (handle: (exchange: Exchange, owner: ConversationOwner, id: string) => Promise<void>): RouteHandler =>
    async (exchange, { id, conversation }) => {
      const caller = await options.admit(exchange);
      const chatbot = findChatbot(options, id, caller);
      await handle(exchange, { chatbotId: chatbot.id, keyId: caller.keyId }, conversation ?? '');
    };
  return [
    {
      method: 'GET',
      path: PATH,
      handle: ofOwner((exchange, owner, id) => sendConversation(exchange, options, owner, id)),
      operation: {
        summary: 'Read a conversation',
        tag: 'chatbots',
        credential: 'api-key',
        responses: {
          200: { description: 'What was said.', content: { 'application/json': conversationSchema } },
        },
      },
    },
    {
      method: 'DELETE',
      path: PATH,
      handle: ofOwner(async ({ sink }, owner, id) => {
        if (!(await options.conversations.delete(owner, id))) throw conversationNotFound();
        const deleted: z.output<typeof deletedConversationSchema> = { conversation_id: id, deleted: true };
        sendJson(sink, 200, deleted);
      }),
      operation: {
        summary: 'Delete a conversation',
        tag: 'chatbots',
        credential: 'api-key',
        responses: {
          200: { description: 'It is deleted.', content: { 'application/json': deletedConversationSchema } },
        },
      },
    },
  ];
}

async function sendConversation(
  { request, sink }: Exchange,
  { conversations }: ChatbotRoutesOptions,
  owner: ConversationOwner,
  id: string,
): Promise<void> {
  const conversation = await conversations.open(owner, id);
  if (conversation === null) throw conversationNotFound();
  const { history, chatbotId, expiresAtMs } = conversation;
  if (history.tier !== 'standard' && request.sealedBy === null) {
    throw apiError('sealed_request_required', `this conversation was had at tier ${history.tier}: ask encrypted`);
  }
  const messages = messagesOf(history.turns).flatMap(({ role, content }) =>
    role === 'system' ? [] : [{ role, content }],
  );
  const told: z.output<typeof conversationSchema> = {
    conversation_id: id,
    chatbot_id: chatbotId,
    messages,
    message_count: messages.length,
    expires_at: new Date(expiresAtMs).toISOString(),
  };
  sendJson(sink, 200, told, NO_STORE);
}
