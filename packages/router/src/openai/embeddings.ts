import { z } from 'zod';
import type { Route } from '../http/route-table.ts';
import { embeddingAnswerSchema } from './answer-schema.ts';
import { inAskedFormat } from './embedding-format.ts';
import type { ModelEndpoint } from './model-endpoint.ts';
import { answerModelRequest, type ModelRoutesOptions } from './model-request.ts';
import { hasGoodShape, refuseTwins, sharedMembers } from './request-schema.ts';
import { isText, textSchema } from './text-input.ts';

/** What the router itself needs of a request for embeddings. */
export const embeddingRequestSchema = z
  .looseObject({
    ...sharedMembers,
    input: textSchema('an input is needed'),
    encoding_format: z.enum(['float', 'base64'], 'float or base64').nullish(),
    dimensions: z.int('a whole number').min(1, 'at least 1').nullish(),
  })
  .superRefine(refuseTwins);

/** Embeddings. */
export const EMBEDDINGS: ModelEndpoint = {
  path: '/embeddings',
  schema: embeddingRequestSchema,
  isGood(body): body is typeof body & { model: string } {
    const { encoding_format: format, dimensions } = body;
    const plain = (format === undefined || format === 'float' || format === 'base64') && dimensions === undefined;
    return plain && hasGoodShape(body) && isText(body['input']);
  },
  streams: false,
  maxAnswerTokens: () => 0,
  rewrite: (request, answer) => inAskedFormat(answer, request['encoding_format'] === 'base64' ? 'base64' : 'float'),
};

/** `POST /v1/embeddings`. */
export function embeddingRoutes(options: ModelRoutesOptions): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/embeddings',
      handle: (exchange) => answerModelRequest(exchange, options, EMBEDDINGS),
      operation: {
        summary: 'Turn texts into vectors',
        tag: 'models',
        credential: 'api-key',
        request: { mediaType: 'application/json', schema: embeddingRequestSchema },
        responses: {
          200: {
            description: 'A vector for each text, as numbers or as base64 of little-endian 32-bit floats.',
            content: { 'application/json': embeddingAnswerSchema },
          },
        },
      },
    },
  ];
}
