import { apiError } from '@sotto/protocol';
import type { Chatbot } from './chatbot.ts';
import type { ChatbotCaller, ChatbotRoutesOptions } from './routes-options.ts';

/**
 * The chatbot of a request's path.
 * @throws NotFoundError `chatbot_not_found`
 * @throws ForbiddenError `model_not_allowed` where the key does not allow its model
 */
export function findChatbot(
  { chatbots }: Pick<ChatbotRoutesOptions, 'chatbots'>,
  id: string | undefined,
  caller: ChatbotCaller,
): Chatbot {
  const chatbot = id === undefined ? null : chatbots.get(id);
  if (chatbot === null) throw apiError('chatbot_not_found', 'there is no such chatbot here');
  if (caller.allowsModel(chatbot.model)) return chatbot;
  throw apiError('model_not_allowed', 'this API key does not allow this chatbot’s model', { param: 'model' });
}
