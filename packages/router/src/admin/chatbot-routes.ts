import { apiError } from '@sotto/protocol';
import { z } from 'zod';
import type { Chatbot } from '../chatbots/chatbot.ts';
import type { ChatbotDirectory } from '../chatbots/chatbot-directory.ts';
import { sendJson } from '../http/answer.ts';
import type { Exchange } from '../http/exchange.ts';
import { checkBody } from '../http/json-body.ts';
import type { Route } from '../http/route-table.ts';
import { adminOperation } from './admin-operation.ts';
import { readBody } from './read-request.ts';

/** The chatbots, as their feature hands them over. */
export interface AdministeredChatbots {
  /** A definition as an operator writes it, id and all. */
  readonly schema: z.ZodType<Chatbot>;
  /** The same for the API description: the path has the id. */
  readonly bodySchema: z.ZodType;
  readonly directory: Pick<ChatbotDirectory, 'list' | 'isConfigured' | 'put' | 'delete'>;
}

/** What the routes of chatbots need. */
export interface ChatbotAdminOptions {
  readonly chatbots: AdministeredChatbots;
}

/** Longest definition: a system prompt of 64 Ki characters, escaped. */
const MAX_DEFINITION_BYTES = 524_288;

const shownSchema = z.looseObject({ id: z.string(), source: z.enum(['configuration', 'store']) });
const listSchema = z.object({ object: z.literal('list'), data: z.array(shownSchema) });
const deletedSchema = z.object({ id: z.string(), deleted: z.literal(true) });
/** What the body must be at the least, to set the path's id beside its members. */
const bodySchema = z.looseObject({});

/** The routes of chatbots. */
export function chatbotAdminRoutes(options: ChatbotAdminOptions): readonly Route[] {
  return [
    {
      method: 'GET',
      path: '/admin/v1/chatbots',
      handle: ({ sink }) => {
        const data = options.chatbots.directory.list().map((chatbot) => shown(chatbot, options));
        sendJson(sink, 200, { object: 'list', data } satisfies z.output<typeof listSchema>);
      },
      operation: adminOperation('List chatbots, system prompts and all, in the order of their ids', listSchema),
    },
    {
      method: 'PUT',
      path: '/admin/v1/chatbots/:id',
      handle: (exchange, { id = '' }) => putChatbot(exchange, options, id),
      operation: adminOperation('Make or replace a chatbot; the id may be left out of the body', shownSchema, {
        request: options.chatbots.bodySchema,
      }),
    },
    {
      method: 'DELETE',
      path: '/admin/v1/chatbots/:id',
      handle: async ({ sink }, { id = '' }) => {
        if (!(await options.chatbots.directory.delete(id)))
          throw apiError('not_found', 'there is no chatbot of this id');
        sendJson(sink, 200, { id, deleted: true } satisfies z.output<typeof deletedSchema>);
      },
      operation: adminOperation('Delete a chatbot and all of its conversations', deletedSchema),
    },
  ];
}

function shown(chatbot: Chatbot, { chatbots }: ChatbotAdminOptions): z.output<typeof shownSchema> {
  return { ...chatbot, source: chatbots.directory.isConfigured(chatbot.id) ? 'configuration' : 'store' };
}

async function putChatbot({ request, sink }: Exchange, options: ChatbotAdminOptions, id: string): Promise<void> {
  const { chatbots } = options;
  const body = await readBody(request, bodySchema, MAX_DEFINITION_BYTES);
  const chatbot = checkBody(chatbots.schema, { id, ...body });
  if (chatbot.id !== id) throw apiError('invalid_request', 'id: the path names another', { param: 'id' });
  await chatbots.directory.put(chatbot);
  sendJson(sink, 200, shown(chatbot, options));
}
