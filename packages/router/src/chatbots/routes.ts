import { apiError } from '@sotto/protocol';
import type { z } from 'zod';
import { sendJson } from '../http/answer.ts';
import type { Route } from '../http/route-table.ts';
import { answerCompletion } from './completions.ts';
import { conversationRoutes } from './conversation-routes.ts';
import { findChatbot } from './find-chatbot.ts';
import { answerMessage } from './message.ts';
import type { ChatbotRoutesOptions } from './routes-options.ts';
import {
  chatbotListSchema,
  chatbotModelListSchema,
  chatbotModelSchema,
  completionRequestSchema,
  messageAnswerSchema,
  messageRequestSchema,
} from './schemas.ts';

const CHATBOTS = '/api/v1/chatbot';
const CHATBOT = `${CHATBOTS}/external/:id`;
const EVENT_STREAM = 'text/event-stream';

/** The chatbots: their list, messages to them, OpenAI's form with and without `/v1`, and their conversations. */
export function chatbotRoutes(options: ChatbotRoutesOptions): readonly Route[] {
  return [
    listRoute(options),
    {
      method: 'POST',
      path: `${CHATBOT}/chat`,
      handle: (exchange, { id }) => answerMessage(exchange, options, id),
      operation: {
        summary: 'Send a message to a chatbot, in a conversation that is begun or continued',
        tag: 'chatbots',
        credential: 'api-key',
        request: { mediaType: 'application/json', schema: messageRequestSchema },
        responses: {
          200: {
            description: 'The answer; with `stream`, events with a `delta` each, and a last one with `done`.',
            content: { 'application/json': messageAnswerSchema, [EVENT_STREAM]: null },
          },
        },
      },
    },
    ...['/chat/completions', '/v1/chat/completions'].map((path): Route => completionRoute(path, options)),
    ...modelRoutes(options),
    ...conversationRoutes(options),
  ];
}

function listRoute(options: ChatbotRoutesOptions): Route {
  return {
    method: 'GET',
    path: `${CHATBOTS}/list`,
    handle: async (exchange) => {
      const caller = await options.admit(exchange);
      const allowed = options.chatbots.list().filter(({ model }) => caller.allowsModel(model));
      // Never whole: the system prompt is the operator's.
      const told: z.output<typeof chatbotListSchema> = {
        chatbots: allowed.map(({ id, name, type, description, model }) => ({ id, name, type, description, model })),
      };
      sendJson(exchange.sink, 200, told);
    },
    operation: {
      summary: 'List the chatbots whose models the key allows',
      tag: 'chatbots',
      credential: 'api-key',
      responses: { 200: { description: 'The chatbots.', content: { 'application/json': chatbotListSchema } } },
    },
  };
}

function completionRoute(path: string, options: ChatbotRoutesOptions): Route {
  return {
    method: 'POST',
    path: `${CHATBOT}${path}`,
    handle: (exchange, { id }) => answerCompletion(exchange, options, id),
    operation: {
      summary: 'Answer a conversation with a chatbot; nothing of it is kept',
      tag: 'chatbots',
      credential: 'api-key',
      request: { mediaType: 'application/json', schema: completionRequestSchema },
      responses: {
        200: {
          description: 'As `POST /v1/chat/completions` answers.',
          content: { 'application/json': null, [EVENT_STREAM]: null },
        },
      },
    },
  };
}

function modelRoutes(options: ChatbotRoutesOptions): readonly Route[] {
  return [
    {
      method: 'GET',
      path: `${CHATBOT}/v1/models`,
      handle: async (exchange, { id }) => {
        const { model } = findChatbot(options, id, await options.admit(exchange));
        const told: z.output<typeof chatbotModelListSchema> = { object: 'list', data: [modelObject(model)] };
        sendJson(exchange.sink, 200, told);
      },
      operation: {
        summary: 'List the chatbot’s own model',
        tag: 'chatbots',
        credential: 'api-key',
        responses: { 200: { description: 'The model.', content: { 'application/json': chatbotModelListSchema } } },
      },
    },
    {
      method: 'GET',
      path: `${CHATBOT}/v1/models/*`,
      handle: async (exchange, { id, '*': asked }) => {
        const { model } = findChatbot(options, id, await options.admit(exchange));
        if (asked !== model) {
          throw apiError('model_not_found', 'the chatbot has no such model', { param: 'model' });
        }
        sendJson(exchange.sink, 200, modelObject(model));
      },
      operation: {
        summary: 'Look the chatbot’s own model up; its id may hold slashes',
        tag: 'chatbots',
        credential: 'api-key',
        responses: { 200: { description: 'The model.', content: { 'application/json': chatbotModelSchema } } },
      },
    },
  ];
}

/** Unix time in seconds that models are said to be made at: OpenAI's SDKs want a number, and none is known. */
const CREATED = 0;

function modelObject(id: string): z.output<typeof chatbotModelSchema> {
  return { id, object: 'model', created: CREATED, owned_by: 'chatbot' };
}
