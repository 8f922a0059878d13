import { z } from 'zod';
import type { Route } from '../http/route-table.ts';
import { chatAnswerSchema, EVENT_STREAM } from './answer-schema.ts';
import { countMember, type ModelEndpoint } from './model-endpoint.ts';
import { answerModelRequest, type ModelRoutesOptions } from './model-request.ts';
import { hasGoodShape, refuseTwins, sharedMembers, streamMembers } from './request-schema.ts';

/** What the router itself needs of a chat request. */
export const chatRequestSchema = z
  .looseObject({
    ...sharedMembers,
    ...streamMembers,
    messages: z
      .array(z.looseObject({ role: z.string('each message needs a role') }), 'a list of messages is needed')
      .min(1, 'at least one message is needed'),
  })
  .superRefine(refuseTwins);

/** Chat completions, in one piece and streamed. */
export const CHAT_COMPLETIONS: ModelEndpoint = {
  path: '/chat/completions',
  schema: chatRequestSchema,
  isGood(body): body is typeof body & { model: string } {
    const { messages } = body;
    if (!hasGoodShape(body) || !Array.isArray(messages) || messages.length === 0) return false;
    return messages.every((message: unknown) => {
      if (typeof message !== 'object' || message === null) return false;
      return typeof (message as { role?: unknown }).role === 'string';
    });
  },
  streams: true,
  maxAnswerTokens: (body) =>
    countMember(body, 'max_completion_tokens', countMember(body, 'max_tokens', 0)) * countMember(body, 'n', 1),
};

/** `POST /v1/chat/completions`. */
export function chatCompletionRoutes(options: ModelRoutesOptions): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/chat/completions',
      handle: (exchange) => answerModelRequest(exchange, options, CHAT_COMPLETIONS),
      operation: {
        summary: 'Answer a conversation',
        tag: 'models',
        credential: 'api-key',
        request: { mediaType: 'application/json', schema: chatRequestSchema },
        responses: {
          200: {
            description: 'The answer; with `stream`, its pieces as server-sent events and `data: [DONE]` at the end.',
            content: { 'application/json': chatAnswerSchema, [EVENT_STREAM]: null },
          },
        },
      },
    },
  ];
}
