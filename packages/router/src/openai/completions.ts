import { z } from 'zod';
import type { Route } from '../http/route-table.ts';
import { completionAnswerSchema, EVENT_STREAM } from './answer-schema.ts';
import { countMember, type ModelEndpoint } from './model-endpoint.ts';
import { answerModelRequest, type ModelRoutesOptions } from './model-request.ts';
import { hasGoodShape, refuseTwins, sharedMembers, streamMembers } from './request-schema.ts';
import { isText, textSchema, textsOf } from './text-input.ts';

/** What the router itself needs of a request for a text completion. */
export const completionRequestSchema = z
  .looseObject({ ...sharedMembers, ...streamMembers, prompt: textSchema('a prompt is needed') })
  .superRefine(refuseTwins);

/** OpenAI's API reference, completions: the default of `max_tokens`. */
const DEFAULT_MAX_TOKENS = 16;

/** Text completions, in one piece and streamed. */
export const COMPLETIONS: ModelEndpoint = {
  path: '/completions',
  schema: completionRequestSchema,
  isGood(body): body is typeof body & { model: string } {
    return hasGoodShape(body) && isText(body['prompt']);
  },
  streams: true,
  maxAnswerTokens: (body) => {
    const answers = Math.max(countMember(body, 'n', 1), countMember(body, 'best_of', 1));
    return countMember(body, 'max_tokens', DEFAULT_MAX_TOKENS) * answers * textsOf(body['prompt']);
  },
};

/** `POST /v1/completions`. */
export function completionRoutes(options: ModelRoutesOptions): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/completions',
      handle: (exchange) => answerModelRequest(exchange, options, COMPLETIONS),
      operation: {
        summary: 'Continue a text',
        tag: 'models',
        credential: 'api-key',
        request: { mediaType: 'application/json', schema: completionRequestSchema },
        responses: {
          200: {
            description: 'The continuation; with `stream`, its pieces as server-sent events.',
            content: { 'application/json': completionAnswerSchema, [EVENT_STREAM]: null },
          },
        },
      },
    },
  ];
}
